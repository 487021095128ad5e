"""Suites that were read before: kept with the code that checked them, so that nothing is loaded to check them again."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from sys import version as python
from typing import TypeVar

from pydantic import VERSION, JsonValue, ValidationError

from kgprism.platform import source
from kgprism.platform.configuration import digest
from kgprism.platform.errors import DataError
from kgprism.platform.files import replacing
from kgprism.platform.home import home
from kgprism.platform.kept import Kept, read
from kgprism.platform.part import Settings
from kgprism.platform.studies.suites.reading.shelf import shelf
from kgprism.platform.training.about import code_of_shipped

S = TypeVar("S", bound=Settings)


class _Known(Kept):
    """What a text says, which methods it names, and the digest of the text and of all code that read and checked it."""

    basis: str
    methods: tuple[str, ...]
    content: dict[str, JsonValue]


@dataclass(frozen=True)
class Reading:
    """A file and the text that it has, none where it cannot be read: whoever reads it on will say why."""

    file: Path
    text: str | None

    @classmethod
    def of(cls, package: str, name_or_path: str) -> "Reading":
        """Look at a file by its name on the shelf or by its path."""
        on_shelf = shelf(package).get(name_or_path)
        file = on_shelf.file if on_shelf else Path(name_or_path)
        return cls(file, _text(file))

    def recall(self, schema: type[S]) -> S | None:
        """Return what the file was found to say, if neither its text nor the code that checked it has changed since."""
        try:
            known = read(self._place, _Known) if self.text is not None else None
            if known and known.basis == self._basis(known.methods, schema):
                return schema.model_validate(known.content)
        except (DataError, ValidationError):  # it is read again
            pass
        return None

    def remember(self, found: Settings, methods: Iterable[str]) -> None:
        """Keep what the file was found to say; not where a plug-in's code has a say, or JSON cannot say the same."""
        named, schema = tuple(methods), type(found)
        basis, content = self._basis(named, schema), found.model_dump(mode="json", by_alias=True)
        with suppress(OSError, ValidationError):  # what cannot be kept is read again
            known = _Known(basis=basis or "", methods=named, content=content)
            written = known.model_dump_json()
            same = schema.model_validate(_Known.model_validate_json(written).content) == found
            if basis and same and _text(self.file) == self.text:
                with replacing(self._place) as scratch:
                    scratch.write_text(written, encoding="utf-8")

    @property
    def _place(self) -> Path:
        return home() / "cache" / "suites" / f"{digest(str(self.file.absolute()))}.json"

    def _basis(self, methods: tuple[str, ...], schema: type[Settings]) -> str | None:
        """Digest all that decides whether the file is right, none if that is not known."""
        codes = [code_of_shipped(method) for method in methods]
        reader = source.digest_of(schema.__module__)
        return digest(self.text, reader, codes, VERSION, python) if all(codes) else None


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
