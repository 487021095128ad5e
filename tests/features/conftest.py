"""What tests of features share: a small dataset, pictures of one colour each, and an installed encoder."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from kgprism.platform.data.catalogue import datasets

#: Entities of each graph of the dataset ``small``.
COUNT = 12

PLUGIN = '''
import torch
from torch import nn

from kgprism.platform.features.preparation import Preparation


class Colour(nn.Module):
    """The mean colour of a picture, twice; of a text its letters r, g, b."""

    preparation = Preparation(size=8, interpolation="nearest", mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, pixels):
        mean = pixels.mean((2, 3)) * self.scale
        return torch.cat([mean, 2 * mean], 1)

    def encode_text(self, texts):
        return torch.tensor([[float(text.count(letter)) for letter in "rgbrgb"] for text in texts])


class Letters(nn.Module):
    modality = "text"

    def forward(self, texts):
        return torch.tensor([[float(len(text)), float(text.count("e")), 1.0] for text in texts])


def broken():
    raise KeyError("no such thing")


class Scalar(nn.Module):
    def forward(self, pixels):
        return pixels.sum()
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a package with the encoders colour, letters, broken and scalar; return its folder."""
    folder = tmp_path / "installed"
    (folder / "colours-1.5.dist-info").mkdir(parents=True)
    (folder / "colours_of_a_test.py").write_text(PLUGIN)
    (folder / "colours-1.5.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1.5\n")
    words = {"colour": "Colour", "letters": "Letters", "broken": "broken", "scalar": "Scalar"}
    lines = [f"{name} = colours_of_a_test:{what}" for name, what in words.items()]
    (folder / "colours-1.5.dist-info/entry_points.txt").write_text("\n".join(["[kgprism.encoders]", *lines, ""]))
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("colours_of_a_test", None)


@pytest.fixture
def small(tmp_path: Path, own_home: Path) -> str:
    """A dataset of two graphs of entities ``x:kg1/Name_0`` and so on, by its name."""
    write_small(tmp_path / "small")
    datasets.import_dataset("small", tmp_path / "small")
    return "small"


def write_small(folder: Path) -> None:
    """Write the files of two small graphs."""
    for side in ("kg1", "kg2"):
        (folder / side).mkdir(parents=True)
        for name, lines in {
            "entities": [f"{n}\tx:{side}/Name_{n}é" for n in range(COUNT)],
            "relations": ["0\tnext"],
            "triples": [f"{n}\t0\t{(n + 1) % COUNT}" for n in range(COUNT)],
            "names": [f"{n}\tthe {'rgb'[n % 3] * 3} one {n}" for n in range(COUNT)],
        }.items():
            (folder / side / f"{name}.tsv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (folder / "pairs.tsv").write_text("".join(f"{n}\t{n}\n" for n in range(COUNT)))


Colour = tuple[int, int, int]


def png(colour: Colour, size: tuple[int, int] = (5, 4)) -> bytes:
    """Return a picture of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def painted(tmp_path: Path) -> Callable[[dict[str, Colour]], Path]:
    """Write pictures of one colour below a folder, by their paths."""

    def paint(colours: dict[str, Colour]) -> Path:
        for path, colour in colours.items():
            file = tmp_path / "pictures" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(png(colour))
        return tmp_path / "pictures"

    return paint


@pytest.fixture
def row(small: str) -> Callable[[str, int], int]:
    """The row of an entity of ``small`` in the loaded graph, by its number in the files."""
    dataset = datasets.load(small)
    graphs = {"kg1": dataset.left, "kg2": dataset.right}  # type: ignore[union-attr]
    return lambda side, number: graphs[side].entities.index(f"x:{side}/Name_{number}é")
