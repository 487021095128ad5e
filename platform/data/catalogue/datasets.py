"""Datasets by name: built in, known benchmarks, the user's own folders; and how files come into the home."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from kgprism.platform.data import surface_forms
from kgprism.platform.data.catalogue import cache, counts, set_upkeep, toy
from kgprism.platform.data.catalogue.addresses import DOWNLOADS
from kgprism.platform.data.catalogue.naming import HOLDOUT as _HOLDOUT
from kgprism.platform.data.catalogue.naming import Entry as Entry
from kgprism.platform.data.catalogue.naming import names as names
from kgprism.platform.data.catalogue.published import BENCHMARKS
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset
from kgprism.platform.data.inputs.holdout import holdout
from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import DataError, nearest
from kgprism.platform.files import replacing
from kgprism.platform.home import home

_BUILT_IN: dict[str, Callable[[], Dataset]] = {"toy": toy.aligned, "toy-completion": toy.completion}


class AbsentError(DataError):
    """A dataset that is not here."""


@dataclass(frozen=True)
class Imported:
    """What an import did: the layout it took, the files it copied, whether anything changed, and what it left out."""

    name: str
    layout: str
    folder: Path
    files: int
    changed: bool
    #: a line for each file that looks like features but is not read
    passed_over: tuple[str, ...] = ()
    #: a line if the name is a benchmark's and the data are not the published ones, and for each feature set that went
    warnings: tuple[str, ...] = ()


def load(name: str) -> Dataset:
    """Return a dataset by name, from the cache if its files did not change; ``NAME_holdout`` is made of ``NAME``.

    Raises:
        DataError: if there is none, saying what to type; or if its files cannot be read.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    if name.endswith(_HOLDOUT):
        return _held_out(name)
    if _is_name(name) and _folder(name).is_dir():
        return cache.load(name, _folder(name))
    advice = f"kgprism data import {name} --from DIR"
    if name in BENCHMARKS:
        got = f"download it by hand from {BENCHMARKS[name].source}, then type `{advice}`"
        if name in DOWNLOADS:
            got = f"type `kgprism data fetch {name}`, or `{advice}` if you have its files"
        raise AbsentError(f"{name} is not here yet: {got}")
    words = {entry.name for entry in names()}
    raise AbsentError(f"unknown dataset '{name}'{nearest(name, words)}: see `kgprism data list`, or `{advice}`")


def at_hand(asked: Iterable[str]) -> tuple[dict[str, Dataset], list[str]]:
    """Return those of the datasets that are here, and a line for each that is not.

    Raises:
        DataError: if none is here, or if the files of one cannot be read.
    """
    found: dict[str, Dataset] = {}
    absent: list[AbsentError] = []
    for name in asked:
        try:
            found[name] = load(name)
        except AbsentError as error:
            absent.append(error)
    if absent and not found:
        raise absent[0]
    return found, [f"left out: {error}" for error in absent]


def _held_out(name: str) -> Dataset:
    source = load(name.removesuffix(_HOLDOUT))
    if not isinstance(source, CompletionGraph):
        raise DataError(f"'{name}': {source.name} has no validation triples to replace, it is data for alignment")
    return replace(holdout(source, 0.1, 0), name=name)


def import_dataset(name: str, folder: Path, *, replace: bool = False, glove: Path | None = None) -> Imported:
    """Copy a dataset from the field's own files into the home, after it was read from there once without an error.

    Of a GloVe file, the lines of words in the entities' names are kept beside the other files. Feature sets of data
    that are replaced stay if they were made of the same entities.

    Raises:
        DataError: if it cannot be read, if the name is taken by other data, or if the name is no plain word.
    """
    _check(name)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    layout = layouts.recognise(folder)
    dataset = layouts.read(name, folder)
    left_out, warned = tuple(layout.passed_over(folder)), counts.differences(dataset)
    made = {surface_forms.NAME_VECTORS: _word_vectors(dataset, glove)} if glove else {}
    target = _folder(name)
    with _told(target):
        contents = cache.contents(folder)
    digests = {_inside(path): known for path, known in contents.items()}
    digests |= {path: cache.digest_of(data) for path, data in made.items()}
    if target.is_dir() and _same(target, digests):
        return Imported(name, layout.name, target, len(digests), False, left_out, warned)
    if os.path.lexists(target) and not replace:
        raise DataError(f"{target} holds other data already: choose another name, or repeat with --replace")
    with _told(target), _superseding(target) as scratch:
        scratch.mkdir(parents=True)
        warned += set_upkeep.carry_over(dataset, scratch)
        for path in contents:
            (scratch / _inside(path)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / path, scratch / _inside(path))
        for path, data in made.items():
            (scratch / path).write_bytes(data)
    return Imported(name, layout.name, target, len(digests), True, left_out, warned)


def owned(name: str) -> Path:
    """Return the folder of imported data.

    Raises:
        DataError: if the name is built in, stands for a split of other data, or for nothing here.
    """
    if name in _BUILT_IN:
        raise DataError(f"'{name}' is built in: there is nothing to remove")
    if name.endswith(_HOLDOUT):
        raise DataError(f"'{name}' is made of '{name.removesuffix(_HOLDOUT)}' when it is asked for: remove that")
    if not _is_name(name) or not os.path.lexists(_folder(name)):
        here = {path.name for path in _data().glob("[!.]*")}
        raise DataError(f"there are no data '{name}'{nearest(name, here)}: see `kgprism data list`")
    return _folder(name)


def remove(name: str) -> Path:
    """Remove imported data with their feature sets and what is cached of them, and return where they were.

    Runs on them stay.

    Raises:
        DataError: as `owned` does, or if the operating system refuses.
    """
    from kgprism.platform.data.catalogue import prepared  # torch

    folder = owned(name)
    gone = folder.with_name(f".{name}.{uuid4().hex}")
    try:
        cache.forget(folder)
        prepared.forget(name)
        folder.rename(gone)  # gone at once, whatever happens to the rest
        _delete(gone)
    except OSError as error:
        raise DataError(f"{error.filename or folder}: {error.strerror}") from None
    return folder


def _delete(folder: Path) -> None:
    """Delete a folder, or a link and not what it leads to."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink()


def _word_vectors(dataset: Dataset, glove: Path) -> bytes:
    """Return the lines of a GloVe file that the names of a dataset need.

    Raises:
        DataError: if the file is malformed or knows none of the words, or the dataset has no names.
    """
    if not isinstance(dataset, AlignedGraphs):
        raise DataError(f"--glove: word vectors are for alignment, {dataset.name} is data for completion")
    wanted = surface_forms.vocabulary(dataset.left, dataset.right)
    if not wanted:
        raise DataError(f"--glove: {dataset.name} has no names (plain layout: kg1/names.tsv and kg2/names.tsv)")
    found = surface_forms.select_lines(glove, wanted)
    if not found:
        raise DataError(f"{glove}: has none of the {len(wanted):,} words in the names of {dataset.name}")
    return b"".join(line + b"\n" for line in found.values())


def _data() -> Path:
    return home() / "data"


def _folder(name: str) -> Path:
    return _data() / name


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) is not None


def _check(name: str) -> None:
    if name in _BUILT_IN:
        raise DataError(f"'{name}' is built in: choose another name")
    if name.endswith(_HOLDOUT):
        raise DataError(f"the name '{name}' stands for a split of '{name.removesuffix(_HOLDOUT)}': choose another name")
    if not _is_name(name):
        raise DataError(f"'{name}' is no name for a dataset: use at most 100 letters, digits, '-', '_' and '.'")


def _inside(path: str) -> str:
    """Return where a file goes in the copy: one that lies beside the source's folder moves into it."""
    return path.removeprefix(f"..{os.sep}")


def _same(target: Path, digests: dict[str, str]) -> bool:
    """Tell whether `target` holds the same files already; data that cannot be read any more are other data."""
    try:
        return cache.contents(target) == digests
    except DataError:
        return False


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Say in one line what the operating system refuses.

    Raises:
        DataError: naming the file, or the data that were to be there.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        what = error.filename2 or error.filename or target
        advice = f"; {target} was not written (KGPRISM_HOME names another place)"
        raise DataError(f"{what}: {error.strerror}{advice}") from None


@contextmanager
def _superseding(target: Path) -> Iterator[Path]:
    """Do as `replacing` where `target` may hold data; they go once the new ones stand, and stay if these do not."""
    old = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with replacing(target) as scratch:
            yield scratch
            if os.path.lexists(target):
                target.rename(old)
    except BaseException:
        if os.path.lexists(old) and not os.path.lexists(target):
            old.rename(target)
        raise
    if old.is_symlink():
        old.unlink()
    else:
        shutil.rmtree(old, ignore_errors=True)
