"""Where the pictures of entities lie: in folders, in zip archives, or as the rows of a manifest say."""

import errno
import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kgprism.platform.data.readers import lines
from kgprism.platform.errors import DataError, first_line
from kgprism.platform.features.keys import Keys

#: Endings of pictures; other files are taken only if they are called after an entity.
_RASTER = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".ico", ".avif")
ENDINGS = {*_RASTER, ".jp2", ".tga", ".qoi", ".ppm", ".svg"}
_SIDES = ("kg1", "kg2")


class Place(NamedTuple):
    """A file, or a member of a zip archive."""

    file: str
    member: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.member}" if self.member else self.file


class Given(NamedTuple):
    """A source as it was asked for: of one graph, or of all."""

    path: Path
    side: str | None = None


@dataclass
class Found:
    """What sources hold: the items of each entity in the order of the source, and files that are nobody's."""

    items: dict[tuple[str, int], list[Place]] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)

    def add(self, entity: tuple[str, int] | None, place: Place, word: str = "") -> None:
        """Note an item, of an entity or of nobody, who may have been asked for by a word."""
        if entity is None:
            self.strangers.append(word or str(place))
        else:
            self.items.setdefault(entity, []).append(place)


def given(option: str, words: Iterable[str | Path], sides: Iterable[str]) -> list[Given]:
    """Return sources as they were asked for: ``PATH``, ``kg1=PATH``, or one path for each graph in order.

    Raises:
        DataError: if there is no such file or folder, or there are other sides.
    """
    sides, said = tuple(sides), [str(word) for word in words]
    found = []
    for number, word in enumerate(said):
        side, equals, path = word.partition("=")
        if not (equals and side in ("kg", *_SIDES)) or Path(word).exists():
            side, path = sides[number] if 1 < len(said) == len(sides) else "", word
        if side and side not in sides:
            raise DataError(f"{option} {word}: the dataset has {' and '.join(sides)}")
        if not path or not (Path(path).is_file() or Path(path).is_dir()):
            raise DataError(f"{option}: {path or 'an empty path'}: no such file or folder")
        found.append(Given(Path(path), side or None))
    return found


def pictures(sources: Iterable[Given], keys: Keys) -> Found:
    """Return the pictures of entities: folders are walked and zip archives looked into, in the order of names.

    Raises:
        DataError: for an archive or a manifest that cannot be read, or a name that means an entity of each graph.
    """
    found = Found()
    for path, side in sources:
        if not path.is_dir() and not zipfile.is_zipfile(path):
            for word, file in _manifest(path):
                found.add(keys.meant(word, side, f"{path}: {word}"), Place(str(path.parent / file)), word)
            continue
        rooms: dict[tuple[str, ...], dict[tuple[str, int], str]] = {}
        for place, parts in _walked(path) if path.is_dir() else _members(path, ()):
            inside = side or next((one for one in _SIDES if parts[0] == one and one in keys.known), None)
            _take(found, keys, inside, place, parts, rooms)
        _check_rooms(rooms)
    return found


def _take(
    found: Found,
    keys: Keys,
    side: str | None,
    place: Place,
    parts: tuple[str, ...],
    rooms: dict[tuple[str, ...], dict[tuple[str, int], str]],
) -> None:
    """Give a file to the entity that its folder, its name or its name without the ending stands for.

    Where both stand for one, `rooms` notes by folder which entities the files in it are called after.
    """
    name = parts[-1]
    stem, ending = os.path.splitext(name)
    looks = ending.lower() in ENDINGS or not ending
    folder = next((parts[n] for n in range(len(parts) - 2, -1, -1) if keys.find(parts[n], side)), None)
    words = [word for word in (folder, name if keys.find(name, side) else None, stem) if word is not None]
    entity = keys.meant(words[0], side, str(place))
    if looks or (entity is not None and keys.find(words[0], side)):
        found.add(entity, place)
        if folder is not None and len(own := keys.find(stem, side)) == 1 and own[0] != entity:
            rooms.setdefault(parts[:-1], {})[own[0]] = str(place)


def _check_rooms(rooms: Mapping[tuple[str, ...], Mapping[tuple[str, int], str]]) -> None:
    """Refuse folders whose files are called after other entities, each after one that no other folder has a file of.

    An entity's folder may number its pictures 0, 1, 2, which are numbers of entities too: then other folders do so too.
    Folders that only divide many files have each entity once.

    Raises:
        DataError: naming one such file.
    """
    often = Counter(entity for own in rooms.values() for entity in own)
    if often and max(often.values()) == 1 and sum(often.values()) > 1:
        file = next(iter(next(iter(rooms.values())).values()))
        told = f"{file}: both its folder and the file are called after an entity"
        raise DataError(f"{told}: rename the folders, or list the pictures in a file (entity, tab, path)")


def _walked(root: Path) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Yield every file below a folder with the steps that lead to it; a folder that leads back to itself once."""
    seen = set[tuple[int, int]]()
    for folder, folders, files in os.walk(root, followlinks=True):
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        steps = Path(folder).relative_to(root).parts
        for name in sorted(files):
            path = Path(folder, name)
            if name.lower().endswith(".zip"):
                yield from _members(path, steps)
            else:
                yield Place(str(path)), (*steps, name)


def _members(archive: Path, steps: tuple[str, ...]) -> Iterator[tuple[Place, tuple[str, ...]]]:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(one.filename for one in opened.infolist() if not one.is_dir())
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{archive}: cannot be read as a zip archive ({error})") from None
    for name in names:
        yield Place(str(archive), name), (*steps, *name.split("/"))


def _manifest(file: Path) -> list[tuple[str, ...]]:
    if file.suffix.lower() == ".zip":
        raise DataError(f"{file}: a damaged zip archive, or none")
    if file.suffix.lower() in ENDINGS:
        raise DataError(f"{file}: one picture: give its folder, or a file of entity, tab, path")
    found = lines.rows(file, rf"{lines.TEXT}\t{lines.TEXT}", "entity, path of a picture separated by a tab")
    return [(word, path) for word, path in found]


def read(place: Place, most: int) -> bytes:
    """Return the bytes of a place.

    Raises:
        OSError: with the reason, also where they are more than `most`, where a pipe or a device stands, or where an
            archive is damaged or locked.
    """
    if "\0" in place.file:
        raise OSError(errno.EINVAL, "no path of a file", place.file)
    state = os.stat(place.file)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "not a file", place.file)
    if not place.member:
        _check_size(state.st_size, most, place)
        return Path(place.file).read_bytes()
    try:
        archive = _archive(place.file, state.st_size, state.st_mtime_ns)
        _check_size(archive.getinfo(place.member).file_size, most, place)  # it unpacks no more than it says here
        return archive.read(place.member)
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, NotImplementedError, EOFError) as error:
        raise OSError(errno.EIO, f"damaged or locked archive ({first_line(error)})", place.file) from None


@lru_cache(maxsize=4)
def _archive(file: str, size: int, changed: int) -> zipfile.ZipFile:
    """Return an open archive, as long as it is the same: its list of a hundred thousand members takes a second."""
    return zipfile.ZipFile(file)


def _check_size(size: int, most: int, place: Place) -> None:
    if size > most:
        raise OSError(errno.EFBIG, f"{size:,} bytes, more than {most:,}", str(place))
