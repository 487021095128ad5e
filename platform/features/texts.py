"""The texts of entities: from a file, from the dataset's descriptions, or from its names."""

from collections.abc import Iterable
from pathlib import Path

from kgprism.platform.data.catalogue.feature_sets import sides
from kgprism.platform.data.catalogue.naming import HOLDOUT
from kgprism.platform.data.graph import Dataset
from kgprism.platform.data.inputs import label_text
from kgprism.platform.data.readers import lines
from kgprism.platform.errors import DataError
from kgprism.platform.features.keys import Keys
from kgprism.platform.features.places import Given, given
from kgprism.platform.home import home

NAMES, DESCRIPTIONS = "names", "descriptions"
_FILE = "descriptions.tsv"

Texts = dict[tuple[str, int], list[str]]


def texts(dataset: Dataset, words: Iterable[str | Path], keys: Keys) -> tuple[Texts, list[str]]:
    """Return the texts of entities in the order of their source, and the words that mean no entity.

    Raises:
        DataError: if there is no such file, or it is malformed; if no entity has a name.
    """
    said = [str(word) for word in words]
    if said == [NAMES]:
        return _names(dataset), []
    sources = _descriptions(dataset) if said == [DESCRIPTIONS] else given("--texts", said, keys.known)
    found, strangers = Texts(), list[str]()
    for path, side in sources:
        if path.is_dir():
            raise DataError(f"--texts: {path}: a folder, expected a file of entity, text separated by a tab")
        for word, text in lines.rows(path, rf"{lines.TEXT}\t([^\n\r\t]*+)", "entity, text separated by a tab"):
            if not (clean := " ".join(text.split())):
                continue
            entity = keys.meant(word, side, f"{path}: {word}")
            if entity is None:
                strangers.append(word)
            else:
                found.setdefault(entity, []).append(clean)
    return found, strangers


def _names(dataset: Dataset) -> Texts:
    found = {
        (side, row): [name]
        for side, graph in sides(dataset).items()
        for row, name in enumerate(label_text.names(graph))
        if name
    }
    if not found:
        raise DataError(f"--texts names: no entity of {dataset.name} has a name or a label that says one")
    return found


def _descriptions(dataset: Dataset) -> list[Given]:
    """Return the files of descriptions that lie in the dataset's folder."""
    folder = home() / "data" / dataset.name.removesuffix(HOLDOUT)
    found = []
    for side in sides(dataset):
        below = folder if side == "kg" else folder / side
        file = lines.find(below, _FILE)
        if file is None:
            told = f"{below / _FILE}: no such file: a line an entity, its label, a tab, the text"
            raise DataError(f"--texts descriptions: {told}; or --texts FILE.tsv")
        found.append(Given(file, side))
    return found
