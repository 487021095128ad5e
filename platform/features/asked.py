"""What sources hold for a dataset: contents by their digests, those of each entity in order, and what is nobody's."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kgprism.platform.data.catalogue.feature_sets import sides
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import DataError
from kgprism.platform.features import places, texts
from kgprism.platform.features.chunks import digest
from kgprism.platform.features.keys import keys_of
from kgprism.platform.features.pictures import MOST_BYTES
from kgprism.platform.features.pooling import Entity
from kgprism.platform.features.work import Content


@dataclass
class Asked:
    """Contents by digest, with whose they are and where they lie; ``failed`` are files that cannot even be read."""

    contents: dict[bytes, Content] = field(default_factory=dict)
    items: dict[Entity, list[bytes]] = field(default_factory=dict)
    uses: dict[bytes, list[tuple[Entity, str]]] = field(default_factory=dict)
    failed: list[tuple[Entity, str, str]] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def add(self, entity: Entity, content: Content, key: bytes) -> None:
        """Note a content of an entity; an equal one is encoded once."""
        self.contents.setdefault(key, content)
        self.items.setdefault(entity, []).append(key)
        self.uses.setdefault(key, []).append((entity, str(content)))


def pictures(dataset: Dataset, words: Iterable[str | Path]) -> Asked:
    """Return the pictures of a dataset's entities; each file is read once, for its digest.

    Raises:
        DataError: if there is no such source, or one that cannot be read or understood.
    """
    keys = keys_of(dataset)
    found = places.pictures(places.given("--images", words, sides(dataset)), keys)
    asked = Asked(strangers=found.strangers)
    for entity, own in found.items.items():
        for place in own:
            try:
                asked.add(entity, place, digest(places.read(place, MOST_BYTES)))
            except OSError as error:
                asked.failed.append((entity, str(place), error.strerror or str(error)))
    return _checked(dataset, asked)


def said(dataset: Dataset, words: Iterable[str | Path]) -> Asked:
    """Return the texts of a dataset's entities.

    Raises:
        DataError: as `pictures` does.
    """
    found, strangers = texts.texts(dataset, words, keys_of(dataset))
    asked = Asked(strangers=strangers)
    for entity, own in found.items():
        for text in own:
            asked.add(entity, text, digest(text.encode(errors="surrogatepass")))
    return _checked(dataset, asked)


def _checked(dataset: Dataset, asked: Asked) -> Asked:
    if asked.contents or asked.failed:
        return asked
    among = (
        f": {len(asked.strangers):,} are not called after one, such as {asked.strangers[0]}" if asked.strangers else ""
    )
    told = f"{dataset.name}: no picture or text of any entity{among}"
    raise DataError(f"{told}; files are called after an entity's number or label: kgprism data features --help")
