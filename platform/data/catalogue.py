"""Datasets by name: built in, known benchmarks, the user's own folders; and how files come into the home."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from uuid import uuid4

from kgprism.platform.data import cache, layouts, surface_forms, toy
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset
from kgprism.platform.data.holdout import holdout
from kgprism.platform.data.published import BENCHMARKS
from kgprism.platform.errors import DataError, nearest
from kgprism.platform.home import home

_BUILT_IN: dict[str, Callable[[], Dataset]] = {"toy": toy.aligned, "toy-completion": toy.completion}

#: Behind a completion dataset's name: that dataset with a tenth of train, drawn with seed 0, as its validation part.
_HOLDOUT = "_holdout"


@dataclass(frozen=True)
class Entry:
    """A dataset that can be named. ``task`` is empty for the user's own data, which are not opened to list them."""

    name: str
    origin: Literal["built in", "benchmark", "own"]
    task: str
    present: bool


@dataclass(frozen=True)
class Imported:
    """What an import did: the layout it took, the files it copied, and whether anything changed."""

    name: str
    layout: str
    folder: Path
    files: int
    changed: bool


def names() -> list[Entry]:
    """Return the built-in datasets, the known benchmarks whether present or not, and the user's own."""
    tasks = {"toy": "alignment", "toy-completion": "completion"}
    found = [Entry(name, "built in", task, True) for name, task in tasks.items()]
    found += [Entry(name, "benchmark", known.task, _folder(name).is_dir()) for name, known in BENCHMARKS.items()]
    found.append(Entry(f"db15k{_HOLDOUT}", "benchmark", "completion", _folder("db15k").is_dir()))
    own = sorted(path.name for path in _data().glob("[!.]*") if path.is_dir() and path.name not in BENCHMARKS)
    return found + [Entry(name, "own", "", True) for name in own]


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
    bring_it = f"kgprism data import {name} --from DIR"
    if name in BENCHMARKS:
        raise DataError(
            f"{name} is not here yet: type `kgprism data fetch {name}`, or `{bring_it}` if you have its files"
        )
    words = {entry.name for entry in names()}
    raise DataError(f"unknown dataset '{name}'{nearest(name, words)}: see `kgprism data list`, or `{bring_it}`")


def _held_out(name: str) -> Dataset:
    source = load(name.removesuffix(_HOLDOUT))
    if not isinstance(source, CompletionGraph):
        raise DataError(f"'{name}': {source.name} has no validation triples to replace, it is data for alignment")
    return replace(holdout(source, 0.1, 0), name=name)


def bring(name: str, folder: Path, *, replace: bool = False, glove: Path | None = None) -> Imported:
    """Copy a dataset from the field's own files into the home, after it was read from there once without an error.

    Of a GloVe file, the lines of words in the entities' names are kept beside the other files.

    Raises:
        DataError: if it cannot be read, if the name is taken by other data, or if the name is no plain word.
    """
    _check(name)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    layout = layouts.recognise(folder)
    dataset = layouts.read(name, folder)
    made = {surface_forms.KEPT: _word_vectors(dataset, glove)} if glove else {}
    target, contents = _folder(name), cache.contents(folder)
    digests = {_inside(path): known for path, known in contents.items()}
    digests |= {path: cache.digest_of(data) for path, data in made.items()}
    if target.is_dir() and _same(target, digests):
        return Imported(name, layout.name, target, len(digests), changed=False)
    if os.path.lexists(target) and not replace:
        raise DataError(f"{target} holds other data already: choose another name, or repeat with --replace")
    temporary = target.with_name(f".{name}.{uuid4().hex}")
    try:
        for path in contents:
            (temporary / _inside(path)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / path, temporary / _inside(path))
        for path, data in made.items():
            (temporary / path).write_bytes(data)
        _put(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Imported(name, layout.name, target, len(digests), changed=True)


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
    found = surface_forms.chosen(glove, wanted)
    if not found:
        raise DataError(f"{glove}: has none of the {len(wanted):,} words in the names of {dataset.name}")
    return b"".join(line + b"\n" for line in found.values())


def _data() -> Path:
    return home() / "data"


def _folder(name: str) -> Path:
    return _data() / name


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is not None


def _check(name: str) -> None:
    if name in _BUILT_IN:
        raise DataError(f"'{name}' is built in: choose another name")
    if name.endswith(_HOLDOUT):
        raise DataError(f"the name '{name}' stands for a split of '{name.removesuffix(_HOLDOUT)}': choose another name")
    if not _is_name(name):
        raise DataError(f"'{name}' is no name for a dataset: use letters, digits, '-', '_' and '.'")


def _inside(path: str) -> str:
    """Return where a file goes in the copy: one that lies beside the source's folder moves into it."""
    return path.removeprefix(f"..{os.sep}")


def _same(target: Path, digests: dict[str, str]) -> bool:
    """Tell whether `target` holds the same files already; data that cannot be read any more are other data."""
    try:
        return cache.contents(target) == digests
    except DataError:
        return False


def _put(temporary: Path, target: Path) -> None:
    """Rename `temporary` to `target`; what was there goes only once the new data stand."""
    old = target.with_name(f".{target.name}.{uuid4().hex}")
    if os.path.lexists(target):
        target.rename(old)
    temporary.rename(target)
    if old.is_symlink():
        old.unlink()
    else:
        shutil.rmtree(old, ignore_errors=True)
