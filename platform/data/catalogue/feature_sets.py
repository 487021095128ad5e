"""Sets of vectors that were made of a dataset's raw pictures and texts, kept beside its files in the home.

``HOME/data/NAME/features/MODALITY.SET.SIDE.safetensors`` holds the vectors of one graph: ``entities`` (n,) int64,
ascending rows of the graph, and ``values`` (n, width) float16 or float32. The header says what made them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kgprism.platform.data.catalogue.naming import HOLDOUT
from kgprism.platform.data.catalogue.vector_files import FORMAT, Found, describe, open_vectors, write_vectors
from kgprism.platform.data.graph import AlignedGraphs, Dataset, Features, MultiModalGraph
from kgprism.platform.errors import DataError, nearest
from kgprism.platform.files import replacing
from kgprism.platform.home import home

#: Words of a setting that mean something else, and those that YAML reads as no text; no set is called so.
RESERVED = (
    *("published", "labels", "sentences", "none", "null", "true", "false"),
    *("yes", "no", "on", "off", "y", "n", "nan", "inf"),
)
#: What methods make of the graphs themselves: no vectors of these are read.
MADE_OF_GRAPHS = ("graph", "relation", "attribute", "structure", "joint", "char")
_SUFFIX = ".safetensors"


class AbsentSetError(DataError):
    """A set that is not here."""


@dataclass(frozen=True)
class Header:
    """What made a set; ``weights`` is a SHA-256; ``counts`` of each side (kg1, kg2 or kg) say what was found."""

    encoder: str
    weights: str = ""
    library: str = ""
    preprocessing: str = ""
    pool: str = ""
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class FeatureSet:
    """A set as its headers tell it; nothing of its vectors was read.

    ``content`` digests all vectors of all sides. ``rows`` and ``labels`` are by side: how many entities have a vector,
    and the digest of the graph's labels.
    """

    modality: str
    name: str
    header: Header
    files: Mapping[str, Path]
    content: str
    width: int
    dtype: str
    rows: Mapping[str, int]
    labels: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.modality}.{self.name}"


def sides(dataset: Dataset) -> dict[str, MultiModalGraph]:
    """Return a dataset's graphs by the names they have in files."""
    if isinstance(dataset, AlignedGraphs):
        return {"kg1": dataset.left, "kg2": dataset.right}
    return {"kg": dataset.graph}


def store(
    dataset: Dataset, modality: str, set_name: str, features: Mapping[str, Features], header: Header
) -> list[Path]:
    """Write a set of a dataset, in place of one of that name; all sides or none. The same vectors, the same bytes.

    Raises:
        DataError: a name that is no plain word, other sides than the dataset has, or vectors that are malformed.
    """
    check_names(modality, set_name)
    graphs = sides(dataset)
    if features.keys() != graphs.keys():
        raise DataError(f"{dataset.name}: expected vectors of {', '.join(graphs)}, got {', '.join(features) or 'none'}")
    told = f"{dataset.name}: {modality}:{set_name}"
    for side, vectors in features.items():
        _check(f"{told}, {side}", vectors, len(graphs[side].entities))
    if len({(vectors.values.shape[1], vectors.values.dtype) for vectors in features.values()}) > 1:
        raise DataError(f"{told}: the vectors of both graphs differ in width or type")
    if not any(vectors.values.any() for vectors in features.values()):
        raise DataError(f"{told}: every vector is zero, or there is none")
    content = _content(features)
    folder = _folder(dataset.name)
    files = {side: folder / f"{modality}.{set_name}.{side}{_SUFFIX}" for side in graphs}
    try:
        # Whoever dies between two renames leaves sides whose content differs: `stored` tells it.
        with ExitStack() as stack:
            for side, file in files.items():
                said = describe(header, side) | {"content": content, "labels": labels_digest(graphs[side].entities)}
                write_vectors(stack.enter_context(replacing(file)), features[side], said)
    except OSError as error:
        raise DataError(f"{error.filename or folder}: cannot be written: {error.strerror or error}") from None
    return list(files.values())


def stored(name: str) -> list[FeatureSet]:
    """Return the sets of a dataset by modality and name; of ``NAME_holdout`` those of ``NAME``.

    Raises:
        DataError: if a file is damaged or without its other side; it names the file.
    """
    return [_joined(modality, set_name, files) for (modality, set_name), files in sorted(grouped(name).items())]


def surveyed(name: str) -> tuple[list[FeatureSet], list[str]]:
    """Return the sets of a dataset that can be read, and a line for each that cannot."""
    parts = grouped(name)
    known = {file for files in parts.values() for file in files.values()}
    expected = f"expected MODALITY.SET.kg1{_SUFFIX}, .kg2 or .kg: move it elsewhere"
    problems = [f"{file}: no file of kgprism's: {expected}" for file in _files(name) if file not in known]
    found = []
    for (modality, set_name), files in sorted(parts.items()):
        try:
            found.append(_joined(modality, set_name, files))
        except DataError as error:
            problems.append(str(error))
    return found, problems


def read(dataset: Dataset, found: FeatureSet) -> dict[str, Features]:
    """Return the vectors of a set by side, mapped from its files and compared with their digest.

    Raises:
        DataError: if a file is damaged, or the set was made of other entities than the dataset has.
    """
    check_labels(dataset, found)
    vectors = {side: open_vectors(file).vectors for side, file in found.files.items()}
    for side, graph in sides(dataset).items():
        _check(str(found.files[side]), vectors[side], len(graph.entities))
    if _content(vectors) != found.content:
        files = " or ".join(map(str, found.files.values()))
        again = _how(dataset.name, found.modality, found.name)
        raise DataError(f"{files}: damaged, not what was written: {again} makes them again")
    return vectors


def check_labels(dataset: Dataset, found: FeatureSet) -> None:
    """Refuse a set that was made of other entities than the dataset has.

    Raises:
        DataError: saying what to type.
    """
    wanted = {side: labels_digest(graph.entities) for side, graph in sides(dataset).items()}
    if found.labels != wanted:
        name = dataset.name.removesuffix(HOLDOUT)
        told = f"{name} was changed since its {found.modality} features '{found.name}' were made"
        again = _how(name, found.modality, found.name)
        raise DataError(f"{told}: {again} makes them again, `kgprism data rm {name}:{found}` removes them")


def find(name: str, modality: str, set_name: str, words: Iterable[str] = ()) -> FeatureSet:
    """Return one set; `words` mean something besides, and are told if one of them may be meant.

    Raises:
        DataError: if there is none of that name, with the nearest and what to type; or if its files are damaged.
    """
    parts = grouped(name)
    if (modality, set_name) in parts:
        return _joined(modality, set_name, parts[modality, set_name])
    known = {other for kind, other in parts if kind == modality}.union(words)
    told = f"{name} has no {modality} features '{set_name}'{nearest(set_name, known)}"
    raise AbsentSetError(f"{told}: {_how(name, modality, set_name)} makes them")


def labels_digest(labels: Iterable[str]) -> str:
    """Return the SHA-256 of a graph's labels joined by newlines."""
    return hashlib.sha256("\n".join(labels).encode(errors="surrogatepass")).hexdigest()


def check_names(modality: str, set_name: str) -> None:
    """Refuse names that are no plain words.

    Raises:
        DataError: naming the word.
    """
    for what, word in (("modality", modality), ("set", set_name)):
        if not _plain(word) or len(word) > 60 or not word[0].isalpha() or (what == "modality" and "." in word):
            signs = "'-' and '_'" if what == "modality" else "'-', '_' and '.'"
            told = f"'{word}' is no name for a {what}: use at most 60 letters, digits, {signs}, a letter first"
            raise DataError(told)
    if modality != modality.lower() or modality in MADE_OF_GRAPHS:
        raise DataError(f"'{modality}' is no modality that is read from files: use image, text, or a word of your own")
    if set_name.lower() in RESERVED:
        raise DataError(f"the name '{set_name}' has a meaning of its own in data.{modality}: choose another name")


def grouped(name: str) -> dict[tuple[str, str], dict[str, Path]]:
    """Return the files of each set by modality and name, and there by side; nothing is opened."""
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for file in _files(name):
        modality, _, rest = file.name.removesuffix(_SUFFIX).partition(".")
        set_name, _, side = rest.rpartition(".")
        if side in ("kg", "kg1", "kg2") and _plain(modality) and _plain(set_name):
            found.setdefault((modality, set_name), {})[side] = file
    return found


def _files(name: str) -> list[Path]:
    return sorted(_folder(name).glob(f"[!.]*{_SUFFIX}")) if _plain(name) else []


def _joined(modality: str, set_name: str, files: Mapping[str, Path]) -> FeatureSet:
    found: dict[str, Found] = {side: open_vectors(file) for side, file in files.items()}
    first = next(iter(found.values()))
    if set(files) not in ({"kg"}, {"kg1", "kg2"}) or len({one.said["content"] for one in found.values()}) > 1:
        told = f"{next(iter(files.values()))}: the set {modality}:{set_name} is not whole"
        raise DataError(f"{told}, its writing was cut short or a file was changed: make it again, or delete its files")
    counts = {side: json.loads(one.said["counts"]) for side, one in found.items()}
    said = {key: first.said[key] for key in ("encoder", "weights", "library", "preprocessing", "pool")}
    values = first.vectors.values
    return FeatureSet(
        modality,
        set_name,
        Header(**said, counts=counts),
        files,
        first.said["content"],
        values.shape[1],
        str(values.dtype),
        {side: len(one.vectors.entities) for side, one in found.items()},
        {side: one.said["labels"] for side, one in found.items()},
    )


def _how(name: str, modality: str, set_name: str) -> str:
    """Return what to type for a set."""
    source = "--texts FILE" if modality == "text" else "--images DIR"
    return f"`kgprism data features {name.removesuffix(HOLDOUT)} {source} --as {modality}:{set_name}`"


def _check(told: str, vectors: Features, count: int) -> None:
    entities, values = vectors.entities, vectors.values
    if entities.dtype != np.int64 or values.dtype not in (np.float16, np.float32) or values.ndim != 2:
        raise DataError(f"{told}: expected int64 rows and vectors of float16 or float32, one a row")
    if entities.shape != values.shape[:1] or not values.shape[1]:
        raise DataError(f"{told}: {len(entities)} rows, but vectors of the shape {values.shape}")
    if len(entities) and (entities[0] < 0 or entities[-1] >= count or (np.diff(entities) <= 0).any()):
        raise DataError(f"{told}: rows are not ascending numbers below {count}")
    if not np.isfinite(values).all():
        raise DataError(f"{told}: a value is not finite")


def _content(features: Mapping[str, Features]) -> str:
    state = hashlib.sha256(FORMAT.encode())
    for side in sorted(features):
        for array in (features[side].entities, features[side].values):
            state.update(f"{side} {array.dtype.str} {array.shape};".encode())
            state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def _plain(word: str) -> bool:
    letters = word.replace("-", "").replace("_", "").replace(".", "")
    return word.isascii() and letters.isalnum() and word[0].isalnum() and len(word) <= 100


def _folder(name: str) -> Path:
    return home() / "data" / name.removesuffix(HOLDOUT) / "features"
