"""One run as a YAML file, such as the best of a search: `kgprism train --config FILE` makes the very same run of it."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.data.catalogue import datasets
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.files import write_text
from kgprism.platform.part import Settings
from kgprism.platform.plain_yaml import read_yaml
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.reading.document import Document, open_document
from kgprism.platform.training.run import plan


class Recipe(Settings):
    """What `kgprism train` is asked for; what ``set`` leaves open is as the preset, else the method, has it."""

    version: Literal[1] = Field(1, alias="schema")
    method: str
    dataset: str = Field(min_length=1)
    preset: str | None = None
    seed: int = Field(0, ge=0, lt=2**32)
    set: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, record: Record, settings: Overrides, preset: str | None = None) -> "Recipe":
        """Return a finished run's recipe, `settings` being all that is said besides the preset."""
        told: dict[str, Any] = {"preset": preset, "seed": record.seed, "set": dict(settings)}
        return cls(schema=1, method=record.method, dataset=record.dataset, **told)

    def makes(self, run_id: str, dataset: Dataset) -> bool:
        """Tell whether the code and the data that are here make this run of it."""
        try:
            return plan(self.method, dataset, self.seed, self.set, preset=self.preset).id == run_id
        except ConfigurationError:
            return False

    def command(self) -> str:
        """Return the line that says the same."""
        words = ["kgprism", "train", self.method, "--dataset", self.dataset]
        words += ["--preset", self.preset] if self.preset else []
        words += [word for key, value in self.set.items() for word in ("--set", f"{key}={written(value)}")]
        return shlex.join([*words, "--seed", str(self.seed)])

    def text(self, about: str = "") -> str:
        """Return the file's text; `about` stands above it, and cannot be taken for any of it."""
        heads = [f"# {''.join(c if c.isprintable() else '?' for c in line)}" for line in about.splitlines()]
        keys = ("method", "preset", "dataset", "seed")
        lines = [f"{key}: {written(value)}" for key in keys if (value := getattr(self, key)) is not None]
        held = ["set:", *(f"  {written(key)}: {written(value)}" for key, value in self.set.items())] if self.set else []
        return "\n".join([*heads, "schema: 1", *lines, *held, ""])

    def write(self, file: Path, about: str = "") -> None:
        """Write the file whole.

        Raises:
            ConfigurationError: if it cannot be written.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, self.text(about))


def read(file: Path) -> Recipe:
    """Read a recipe and check it against its method; nothing is loaded of its dataset.

    Raises:
        ConfigurationError: naming file, line, column, key and the nearest valid word.
    """
    from kgprism.platform.method import load

    document = _opened(file)
    recipe = document.checked(Recipe)
    try:
        kind = load(recipe.method)
    except ConfigurationError as error:
        raise document.error(("method",), str(error)) from None
    if recipe.preset is not None and recipe.preset not in kind.presets:
        told = f"{recipe.method} has no preset '{recipe.preset}'{nearest(recipe.preset, kind.presets)}"
        raise document.error(("preset",), told)
    start = configuration.resolve(kind.Config, kind.presets[recipe.preset] if recipe.preset else {})
    try:
        configuration.resolve(kind.Config, recipe.set, source="", start=start)
    except ConfigurationError as error:
        raise _placed(document, recipe.set, str(error).removeprefix(": ")) from None
    return recipe


def load_dataset(recipe: Recipe, file: Path | None) -> Dataset:
    """Return the dataset of a recipe; `file` has told of it, if any has.

    Raises:
        ConfigurationError: if there is none of this name, naming file, line and column.
        DataError: if it cannot be read.
    """
    try:
        return datasets.load(recipe.dataset)
    except datasets.AbsentError as error:
        if file is None:
            raise
        raise _opened(file).error(("dataset",), str(error)) from None


def _opened(file: Path) -> Document:
    """Open a file of any name: it is never one of those that are shipped."""
    return open_document("", file if file.suffix in (".yaml", ".yml") else file.absolute())


def differences(recipe: Recipe, method: str | None, given: Mapping[str, Any], sets: Overrides) -> list[str]:
    """Return a line for each word of the file that the command line overrules; `given` are its other options.

    Raises:
        ConfigurationError: if the command line names another method, whose keys are others.
    """
    if method and method != recipe.method:
        raise ConfigurationError(f"--config is of {recipe.method}, not of {method}: leave the method out")
    held = {_address(key): value for key, value in recipe.set.items()}
    pairs = [(key, getattr(recipe, key), value) for key, value in given.items() if value is not None]
    pairs += [(key, held[_address(key)], value) for key, value in sets.items() if _address(key) in held]
    return [
        f"{key}: {written(now)} as the command line says, not {written(was)}" for key, was, now in pairs if now != was
    ]


def written(value: Any) -> str:
    """Write a value as ``--set`` and the file read it: words plain where they are not taken for something else."""
    if isinstance(value, str):
        try:
            if read_yaml(value)[0] == value:
                return value
        except ConfigurationError:
            pass
    text = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08X}" for letter in text)


def _address(key: str) -> str:
    return key.removesuffix(".kind")


def _placed(document: Document, settings: Overrides, message: str) -> ConfigurationError:
    """Return an error at the key that a message names first: a hint names other keys behind it."""
    named = [key for key in settings if key in message]
    named.sort(key=lambda key: (message.index(key), -len(key)))
    return document.error(("set", *named[:1]), message)
