"""Files that people write: YAML 1.2 read into validated settings, with errors that name file, line and nearest word."""

import typing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.part import Settings

S = TypeVar("S", bound=Settings)
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML file: its plain content, and the nodes that know where everything stands."""

    file: str
    content: dict[str, Any]
    root: Node

    def checked(self, schema: type[S]) -> S:
        """Return the content as validated settings.

        Raises:
            ConfigurationError: naming file, line, key and the nearest known word.
        """
        try:
            return schema.model_validate(self.content)
        except ValidationError as error:
            first = error.errors()[0]
            _, walked = _walk(self.root, first["loc"])
            raise self.error(walked, _told(first, schema, walked)) from None

    def error(self, place: Place, message: str) -> ConfigurationError:
        """Return an error at the line of a key, or of the nearest key above it where it is absent."""
        line, _ = _walk(self.root, place)
        return ConfigurationError(f"{self.file}:{line}: {message}")


def document_names(package: str) -> list[str]:
    """Return the names of the files that come with this project, such as those of ``kgprism.ablations``."""
    return sorted(file.stem for file in _folder(package).glob("*.yaml"))


def open_document(package: str, name_or_path: str | Path) -> Document:
    """Read a shipped file by its name, or any file by its path.

    Raises:
        ConfigurationError: no such file, or not a YAML mapping.
    """
    file = _find(package, name_or_path)
    try:
        text = file.read_text(encoding="utf-8")
        content = YAML(typ="safe", pure=True).load(text)
        root = YAML(typ="safe", pure=True).compose(text)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: not UTF-8 text") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{file}:{line}: not YAML: {str(error.problem).splitlines()[0]}") from None
    except YAMLError as error:
        raise ConfigurationError(f"{file}: not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file}:1: expected a mapping of keys to values")
    return Document(str(file), content, root)


def _folder(package: str) -> Path:
    # Not importlib.resources: it refuses an editable install's namespace packages.
    return Path(next(iter(import_module(package).__path__)))


def _find(package: str, name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return path
    names = document_names(package)
    if str(name_or_path) not in names:
        what = package.rpartition(".")[2].replace("_", " ").removesuffix("s")
        raise ConfigurationError(f"unknown {what} '{name_or_path}'{nearest(str(name_or_path), names)}")
    return _folder(package) / f"{name_or_path}.yaml"


def _walk(node: Node, steps: Place) -> tuple[int, Place]:
    """Return the line of the last step that the file has, and the steps that it has: a union's tag is none of them."""
    walked: Place = ()
    line = node.start_mark.line + 1
    for step in steps:
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, node, walked = key.start_mark.line + 1, value, (*walked, step)
                    break
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node, walked = node.value[step], (*walked, step)
            line = node.start_mark.line + 1
    return line, walked


def _told(error: Any, schema: type[Settings], walked: Place) -> str:
    """Say what one pydantic error is, with the nearest known word where a word was unknown."""
    *above, last = error["loc"] or ("",)
    place = ".".join(str(step) for step in walked)
    if error["type"] == "extra_forbidden":
        return f"unknown key '{last}'{nearest(str(last), _words(schema, tuple(above)))}"
    if error["type"] == "missing":
        return f"'{'.'.join(filter(None, (place, str(last))))}' is missing"
    if error["type"] == "union_tag_invalid":
        known = error["ctx"]["expected_tags"].replace("'", "").split(", ")
        return f"{place}: unknown word '{error['ctx']['tag']}'{nearest(error['ctx']['tag'], known)}"
    got = "" if isinstance(error["input"], dict) else f", got {error['input']!r}"
    return f"{place}: {error['msg'].removeprefix('Value error, ')}{got}"


def _words(schema: Any, steps: Place) -> set[str]:
    """Return the keys that may stand at the end of `steps`."""
    models = _below(schema)
    for step in steps:
        tagged = [m for m in models if isinstance(m, type) and step in _tags(m)]
        models = tagged or [below for m in models for below in _inside(m, step)]
    named = [m for m in models if isinstance(m, type) and issubclass(m, Settings)]
    return {field.alias or name for m in named for name, field in m.model_fields.items()}


def _tags(model: type) -> set[Any]:
    """Return the words that select a model in a union."""
    fields = model.model_fields.values() if issubclass(model, Settings) else ()
    return {
        word
        for f in fields
        if typing.get_origin(f.annotation) is typing.Literal
        for word in typing.get_args(f.annotation)
    }


def _inside(model: Any, step: str | int) -> list[Any]:
    """Return what may stand below one key, or below any item of a mapping or a list."""
    if isinstance(model, type) and issubclass(model, Settings):
        known = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        return _below(known[str(step)]) if str(step) in known else []
    # The items of a tuple of any length stand before an ellipsis.
    arguments = [argument for argument in typing.get_args(model) if argument is not Ellipsis]
    return _below(arguments[-1]) if arguments else []


def _below(annotation: Any) -> list[Any]:
    """Take unions and annotations apart."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _below(typing.get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [found for member in typing.get_args(annotation) for found in _below(member)]
    return [annotation]
