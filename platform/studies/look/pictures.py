"""Pictures of entities in a folder or a ZIP file, small enough for a page."""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from PIL import Image

from kgprism.platform.errors import DataError

_SIZE = 96


class Pictures:
    def __init__(self, place: Path, labels: list[str]) -> None:
        self.zip = ZipFile(place) if place.is_file() else None
        if self.zip:
            names = {info.filename: info.file_size for info in self.zip.infolist()}
        elif place.is_dir():
            names = {path.name: path.stat().st_size for path in place.iterdir() if path.is_file()}
        else:
            raise DataError(f"{place}: no such folder or ZIP file")
        self.place, self.files, self.sizes = place, {}, {}
        rows = {label: row for row, label in enumerate(labels)}
        lines = (place.parent / "entities.tsv").read_text(encoding="utf-8").splitlines()
        ids = {i: rows[label] for i, label in (line.split("\t") for line in lines) if label in rows}
        for name in sorted(names):
            if (row := ids.get(Path(name).stem)) is not None:
                self.files.setdefault(row, name)
                self.sizes[row] = names[name]

    def _read(self, entity: int) -> bytes:
        name = self.files[entity]
        return self.zip.read(name) if self.zip else (self.place / name).read_bytes()

    def contents(self) -> Iterator[tuple[int, bytes]]:
        several = Counter(self.sizes.values())
        for entity, size in self.sizes.items():
            if several[size] > 1:
                yield entity, hashlib.blake2b(self._read(entity), digest_size=16).digest()

    def uri(self, entity: int) -> str:
        if entity not in self.files:
            return ""
        with Image.open(BytesIO(self._read(entity))) as image:
            image = image.convert("RGBA")
            image.thumbnail((_SIZE, _SIZE))
            out = BytesIO()
            image.save(out, "WEBP", quality=85)
        return "data:image/webp;base64," + b64encode(out.getvalue()).decode()
