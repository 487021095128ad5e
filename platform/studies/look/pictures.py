"""Pictures of entities, small enough for a page; sources are those that ``kgprism data features`` reads."""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from kgprism.platform.data.catalogue import feature_sets
from kgprism.platform.data.graph import Dataset
from kgprism.platform.features.keys import keys_of
from kgprism.platform.features.pictures import MOST_BYTES, UnreadableError, decode
from kgprism.platform.features.places import Place, given, pictures, read

#: The longer side of a picture on the page, in pixels: twice what it is shown in.
_SIZE = 96


class Pictures:
    """The first picture of each entity, by side of the dataset; read when it is asked for.

    ``refused``: the pictures that could not be read, with the reason.
    """

    def __init__(self, dataset: Dataset, sources: Sequence[str | Path]) -> None:
        """Look through the sources.

        Raises:
            DataError: if there is no such file or folder, or a name means entities of both graphs.
        """
        sides = feature_sets.sides(dataset)
        self.refused: dict[str, str] = {}
        self.places: list[dict[int, Place]] = [{} for _ in sides]
        self._known: dict[Place, str] = {}
        self._members: dict[str, dict[str, tuple[int, int]]] = {}
        if sources:
            number = {side: place for place, side in enumerate(sides)}
            found = pictures(given("--images", sources, sides), keys_of(dataset))
            for (side, row), places in found.items.items():
                self.places[number[side]][row] = places[0]

    def address(self, side: int, entity: int) -> str:
        """Return an address that holds the picture itself; empty where there is none, or none that can be read."""
        place = self.places[side].get(entity)
        if place is None:
            return ""
        if place not in self._known:
            try:
                self._known[place] = _address(read(place, MOST_BYTES))
            except (OSError, UnreadableError) as error:
                self.refused[str(place)] = getattr(error, "strerror", None) or str(error)
                self._known[place] = ""
        return self._known[place]

    def contents(self, side: int) -> Iterator[tuple[int, bytes]]:
        """Yield entities and digests of pictures, of those that may be the same as another one; no other is read."""
        outside = {entity: self._outside(place) for entity, place in self.places[side].items()}
        several = Counter(outside.values())
        for entity, place in self.places[side].items():
            if outside[entity] is not None and several[outside[entity]] > 1:
                try:
                    yield entity, hashlib.blake2b(read(place, MOST_BYTES), digest_size=16).digest()
                except OSError as error:
                    self.refused[str(place)] = error.strerror or str(error)

    def _outside(self, place: Place) -> Hashable:
        """Return what equal pictures have in common and can be had without reading them: size, of archives also sum."""
        try:
            if not place.member:
                return Path(place.file).stat().st_size
            if place.file not in self._members:
                with ZipFile(place.file) as archive:
                    self._members[place.file] = {one.filename: (one.file_size, one.CRC) for one in archive.infolist()}
        except (OSError, BadZipFile):
            return None
        return self._members[place.file].get(place.member)


def _address(data: bytes) -> str:
    picture = decode(data)
    picture.thumbnail((_SIZE, _SIZE))
    out = BytesIO()
    picture.save(out, "WEBP", quality=85)
    return f"data:image/webp;base64,{b64encode(out.getvalue()).decode()}"
