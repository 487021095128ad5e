"""Files that people write: YAML 1.2 read into validated settings, with errors that name file, line and nearest word."""

import re
import typing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union

from pydantic import AfterValidator, ValidationError
from ruamel.yaml.error import StreamMark
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.part import Settings
from kgprism.platform.plain_yaml import read_yaml
from kgprism.platform.studies.suites.reading.shelf import shelf

S = TypeVar("S", bound=Settings)
Place = tuple[str | int, ...]


def _fits_a_file_system(word: str) -> str:
    if not re.fullmatch(r"[\w-][\w.-]{0,59}", word):
        raise ValueError("expected at most 60 letters, digits, '_', '-' and '.', and no dot in front")
    return word


#: A word that becomes the name of a file or a folder: none that is hidden or leads elsewhere, and with its endings none
#: that is too long, whatever its letters.
Name = Annotated[str, AfterValidator(_fits_a_file_system)]


#: A letter's half as it is written in YAML and in `repr`, where a backslash that is meant is doubled.
_HALF = re.compile(r"(?<!\\)\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass(frozen=True)
class Document:
    """A YAML file: its plain content, and the nodes that know where everything stands, be it in another file."""

    file: str
    content: dict[str, Any]
    root: Node

    def checked(self, schema: type[S]) -> S:
        """Return the content as validated settings.

        Raises:
            ConfigurationError: naming file, line, column, key and the nearest known word.
        """
        try:
            return schema.model_validate(self.content)
        except ValidationError as error:
            # A number that is infinite fits into nothing of a union, and that it is no boolean is told first.
            told = error.errors()
            first = next((one for one in told if one["type"] == "finite_number"), told[0])
            _, walked = _walk(self.root, first["loc"])
            # What a whole node's check says of one of its keys begins with that key.
            key = first["msg"].removeprefix("Value error, ").partition(": ")[0]
            raise self.error((*walked, key), _message(first, schema, walked)) from None

    def error(self, place: Place, message: str) -> ConfigurationError:
        """Return an error at line and column of a key, or of the nearest key above it where it is absent."""
        mark, _ = _walk(self.root, place)
        return ConfigurationError(f"{mark.name}:{mark.line + 1}:{mark.column + 1}: {message}")


def quoted(word: str, most: int = 60) -> str:
    """Return a word as an error quotes it: one that is very long is cut."""
    return f"'{word}'" if len(word) <= most else f"'{word[:most]}...'"


def document_names(package: str) -> list[str]:
    """Return the names of the files that are shipped or installed, such as those of ``kgprism.ablations``."""
    return list(shelf(package))


def open_document(package: str, name_or_path: str | Path) -> Document:
    """Read a shipped or installed file by its name, or any file by its path.

    Raises:
        ConfigurationError: no such file, or not a YAML mapping.
    """
    file = _find(package, name_or_path)
    try:
        text = file.read_text(encoding="utf-8")
        content, root = _parsed(text, str(file))
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: not UTF-8 text") from None
    except ValueError as error:  # such as a NUL, which no file's name has
        raise ConfigurationError(f"{str(file)!r}: cannot be read: {error}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}:{error}") from None
    if not isinstance(content, dict) or root is None:
        raise ConfigurationError(f"{file}:1:1: expected a mapping of keys to values")
    if (half := _HALF.search(text)) and _HALF.search(repr(content)):
        before = text[: half.start()]
        where = f"{before.count(chr(10)) + 1}:{half.start() - before.rfind(chr(10))}"
        raise ConfigurationError(f"{file}:{where}: {half.group()} is half of a letter: write \\U and eight digits")
    return Document(str(file), content, root)


@lru_cache(maxsize=8)
def _parsed(text: str, name: str) -> tuple[Any, Node | None]:
    """Parse a text once: a command looks at its file before torch is loaded, and checks it behind."""
    return read_yaml(text, name)


def _find(package: str, name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return path
    names = shelf(package)
    if str(name_or_path) not in names:
        what = package.rpartition(".")[2].replace("_", " ").removesuffix("s").replace("ablation", "suite")
        told = f"unknown {what} '{name_or_path}'{nearest(str(name_or_path), names)}"
        raise ConfigurationError(f"{told}: expected one that is shipped, or the path of a YAML file")
    return names[str(name_or_path)].file


def _walk(node: Node, steps: Place) -> tuple[StreamMark, Place]:
    """Return the mark of the last step that is there, and the steps that are: a union's tag is none of them."""
    mark = node.start_mark
    walked: Place = ()
    for step in steps:
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    mark, node, walked = key.start_mark, value, (*walked, step)
                    break
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node, walked = node.value[step], (*walked, step)
            mark = node.start_mark
    return mark, walked


def _message(error: Any, schema: type[Settings], walked: Place) -> str:
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
    got = "" if isinstance(error["input"], dict) else f", got {repr(error['input'])[:80]}"
    told = f"{error['msg'].removeprefix('Value error, ')}{got}"
    return f"{place}: {told}" if place else told


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
