"""Surface forms: the words of entity names, their vectors from a GloVe file, their characters (alignment spec, 0.3)."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kgprism.platform.data.graph import Features, MultiModalGraph
from kgprism.platform.errors import DataError

#: Beside a dataset's other files: the lines of a GloVe file whose words are in its names.
NAME_VECTORS = "name_vectors.txt"


def words(name: str) -> list[str]:
    """Return the lower-cased words of a name, in order."""
    return name.lower().split()


def vocabulary(*graphs: MultiModalGraph) -> set[str]:
    """Return every word of the graphs' names."""
    return {word for graph in graphs for name in graph.names for word in words(name)}


def select_lines(file: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Return the lines of a GloVe file whose word is `wanted`, the first of equal words; one line is held at a time.

    A line is a word, then its numbers, a space between any two; the first line tells how many numbers there are.

    Raises:
        DataError: unreadable file, a line with too few or too many numbers, a wanted word whose numbers are none.
    """
    keys = {word.encode() for word in wanted}
    found: dict[str, bytes] = {}
    for number, line, word, numbers in _lines(file):
        if word in keys and word.decode() not in found:
            _vector(file, number, numbers)
            found[word.decode()] = line
    return found


def vector_files(folder: Path) -> dict[str, Path]:
    """Return the file of a dataset's word vectors by what it is, if there is one."""
    return {"name_vectors": folder / NAME_VECTORS} if (folder / NAME_VECTORS).is_file() else {}


def with_vectors(
    files: Mapping[str, Path], left: MultiModalGraph, right: MultiModalGraph
) -> tuple[MultiModalGraph, MultiModalGraph]:
    """Return both graphs with ``name`` features from the file of word vectors, if there is one."""
    if "name_vectors" not in files:
        return left, right
    known = vectors(files["name_vectors"])
    return with_name_features(left, known), with_name_features(right, known)


def vectors(file: Path) -> dict[str, np.ndarray]:
    """Return every word's vector ``(width,)`` float32; raises as `select_lines` does, and where a word is no UTF-8."""
    found: dict[str, np.ndarray] = {}
    for number, _, word, numbers in _lines(file):
        try:
            found.setdefault(word.decode(), _vector(file, number, numbers))
        except UnicodeDecodeError as error:
            raise DataError(f"{file}:{number}: expected UTF-8, found the byte {word[error.start]:#04x}") from None
    return found


def with_name_features(graph: MultiModalGraph, known: Mapping[str, np.ndarray]) -> MultiModalGraph:
    """Return the graph with ``name`` features: the mean vector of a name's known words, a repeated one counted again.

    Entities whose names have no known word are left without; a graph without any keeps the features it has.
    """
    rows = [[known[word] for word in words(name) if word in known] for name in graph.names]
    entities = np.array([entity for entity, row in enumerate(rows) if row], np.int64)
    if not len(entities):
        return graph
    means = np.stack([np.mean(rows[entity], axis=0, dtype=np.float64) for entity in entities])
    return replace(graph, features={**graph.features, "name": Features(entities, means.astype(np.float32))})


def bigrams(names: Sequence[str]) -> tuple[np.ndarray, int]:
    """Return ``(cells, 3)`` row, column and count of the pairs of letters inside the words of names, and the width.

    Columns are the pairs that occur, in the order of their code points.
    """
    counts = [Counter(w[i : i + 2] for w in words(name) for i in range(len(w) - 1)) for name in names]
    column = {pair: place for place, pair in enumerate(sorted({pair for row in counts for pair in row}))}
    cells = [(row, column[pair], times) for row, count in enumerate(counts) for pair, times in count.items()]
    return np.array(cells, np.int64).reshape(-1, 3), len(column)


def _lines(file: Path) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """Yield every line's number, text, word and numbers, which are counted; the first line's are read too."""
    try:
        with file.open("rb") as stream:
            width = 0
            for number, raw in enumerate(stream, 1):
                line = raw.rstrip()
                width = width or line.count(b" ")
                word, numbers = _parted(file, number, line, width)
                if number == 1:
                    _vector(file, number, numbers)
                yield number, line, word, numbers
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from None


def _parted(file: Path, number: int, line: bytes, width: int) -> tuple[bytes, bytes]:
    """Return word and numbers of a line; a few of GloVe's words hold spaces, but do not end in a number."""
    spaces = line.count(b" ")
    word = line.rsplit(b" ", width)[0] if spaces > width else line.partition(b" ")[0]
    if not width or spaces < width or (spaces > width and _is_number(word.rpartition(b" ")[2])):
        asked = f"a word and {width} numbers" if width else "a word and its numbers"
        raise DataError(f"{file}:{number}: expected {asked} with spaces between them, found {_shown(line)}")
    return word, line[len(word) + 1 :]


def _vector(file: Path, number: int, numbers: bytes) -> np.ndarray:
    """Return the numbers ``(width,)`` float32."""
    texts = numbers.split(b" ")
    try:
        with np.errstate(over="ignore"):
            found = np.array(texts, np.float32)
    except ValueError:
        wrong = next((text for text in texts if not _is_number(text)), numbers)
        raise DataError(f"{file}:{number}: expected numbers behind the word, found {_shown(wrong)}") from None
    if not np.isfinite(found).all():
        wrong = texts[int(np.isfinite(found).argmin())]
        raise DataError(f"{file}:{number}: expected numbers that float32 can hold, found {_shown(wrong)}")
    return found


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(text: bytes) -> str:
    return repr(text[:60].decode(errors="replace"))
