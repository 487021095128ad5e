"""Weights from a file, and what is said where there are none; libraries that are extras are loaded by name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from kgprism.platform.errors import ConfigurationError, first_line

#: Under which key trainers put the weights into a checkpoint.
_NESTED = ("state_dict", "model_state_dict", "model")
#: Whatever a plug-in or a library may stumble over while it is loaded.
FAULTS = (Exception, SystemExit)


def library(word: str, extra: str) -> Any:
    """Return a library that an extra brings.

    Raises:
        ConfigurationError: if it is not there, or cannot be loaded beside this torch.
    """
    try:
        return import_module(word)
    except ModuleNotFoundError as error:
        if error.name is None:  # a library that is here, and tells so of one below it
            raise ConfigurationError(f"{word} cannot be loaded: {first_line(error)}") from None
        told = f"needs {error.name}, which is not here"
        raise ConfigurationError(f'{word} {told}: pip install "kgprism[{extra}]"') from None
    except FAULTS as error:
        told = f"{word} cannot be loaded beside torch {torch.__version__}: {first_line(error)}"
        if "torchvision" in told:
            told += "; a torch without GPU needs torchvision from https://download.pytorch.org/whl/cpu"
        raise ConfigurationError(told) from None


def versions(*packages: str) -> str:
    """Return packages with their versions, those that are installed."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def load(file: Path) -> dict[str, Tensor]:
    """Return the weights of a file: safetensors, or torch's own, of which nothing is run.

    Raises:
        ConfigurationError: if it holds none.
    """
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        found = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigurationError(f"--weights {file}: no such file") from None
    except (SafetensorError, OSError, EOFError, ValueError, KeyError, RuntimeError, UnpicklingError) as error:
        kinds = "safetensors, or torch's own without code in it (weights_only)"
        raise ConfigurationError(f"--weights {file}: expected {kinds}: {first_line(error)}") from None
    for key in _NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ConfigurationError(f"--weights {file}: expected weights by name, found {type(found).__name__}")
    return {key.removeprefix("module."): value for key, value in found.items()}


def fill(module: nn.Module, file: Path, name: str, spare: str = "") -> None:
    """Put the weights of a file into a module; what lies under `spare`, its last layer, may be missing or be there.

    Raises:
        ConfigurationError: if they are another module's, naming the first key.
    """
    found = load(file)
    if spare:
        found = {key: value for key, value in found.items() if not key.startswith(f"{spare}.")}
    try:
        keys = module.load_state_dict(found, strict=False)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        raise ConfigurationError(f"--weights {file}: not those of {name}: {lines[min(1, len(lines) - 1)]}") from None
    missing = [key for key in keys.missing_keys if not (spare and key.startswith(f"{spare}."))]
    for what, words in (("it lacks", missing), ("it has", keys.unexpected_keys)):
        if words:
            raise ConfigurationError(f"--weights {file}: not those of {name}: {what} {words[0]}")


@contextmanager
def looked_for(name: str, *places: Callable[[], str] | str) -> Iterator[None]:
    """Say in one line where weights were looked for, if a block does not get them.

    Raises:
        ConfigurationError: whatever the library stumbled over.
    """
    try:
        yield
    except ConfigurationError:
        raise
    except FAULTS as error:
        said = " and ".join(place if isinstance(place, str) else place() for place in places)
        told = f"encoder {name}: no weights: looked for in {said} ({first_line(error)[:160]})"
        raise ConfigurationError(f"{told}; --weights names a file of them") from None
