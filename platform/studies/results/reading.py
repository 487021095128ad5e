"""What lies in a folder of results: passports, texts beside them, sections written by hand, and the page's head."""

from dataclasses import dataclass
from pathlib import Path

from kgprism.platform.errors import ConfigurationError, DataError

#: How a passport's name ends here; what stands before is the name of the text beside it.
PASSPORT = ".passport.zip"
#: The page's first lines, if the folder has such a file.
HEAD = "README.md"


@dataclass(frozen=True)
class Found:
    """What a folder holds, sorted by name: the page's head, passports each with its text, whole sections."""

    head: str
    passports: tuple[tuple[Path, str], ...]
    sections: tuple[str, ...]


def look(folder: Path) -> Found:
    """Return what a folder of results holds.

    Raises:
        ConfigurationError: if there is no such folder, or no result in it.
        DataError: if a text cannot be read, or belongs to no passport and is no section.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: no folder of results: it would hold NAME{PASSPORT} and NAME.md")
    files = sorted((file for file in folder.iterdir() if not file.name.startswith(".")), key=lambda file: file.name)
    passports = [file for file in files if file.name.endswith(PASSPORT)]
    texts = {file.stem: file for file in files if file.suffix == ".md"}
    head = texts.pop(Path(HEAD).stem, None)
    beside = [texts.pop(file.name.removesuffix(PASSPORT), None) for file in passports]
    if not passports and not texts:
        raise ConfigurationError(f"{folder}: no result: neither a passport (NAME{PASSPORT}) nor a section (NAME.md)")
    return Found(
        _text(head) if head else "",
        tuple((file, _text(text) if text else "") for file, text in zip(passports, beside, strict=True)),
        tuple(_section(file) for file in texts.values()),
    )


def _section(file: Path) -> str:
    text = _text(file)
    if not text.startswith("## "):
        passport = f"{file.stem}{PASSPORT}"
        raise DataError(f"{file}: no passport {passport} is beside it, and no section begins without '## '")
    return text


def _text(file: Path) -> str:
    """Return a text without empty lines around it."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{file}: cannot be read: not UTF-8") from None
