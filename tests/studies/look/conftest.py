"""A small dataset with everything odd in it, and pictures for it."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from kgprism.platform.data.graph import AlignedGraphs, Features, MultiModalGraph

NAMES = [
    "<script>alert(1)</script><b>bold</b>",
    "مرحبا بالعالم",
    "x" * 100,
    "a&b \"quoted\" 'single'",
    "</style><img src=x onerror=alert(1)>",
    "",
    "数据集",
    "plain",
]


def odd_graph(side: str) -> MultiModalGraph:
    """Return eight entities on a ring with a self-loop, whose names are hostile or strange; labels too."""
    triples = np.array([(n, n % 2, (n + 1) % 8) for n in range(8)] + [(3, 0, 3)])
    values = np.random.default_rng(len(side)).normal(size=(8, 4)).astype(np.float32)
    values[2], values[5] = 0, values[4]
    features = {"image": Features(np.arange(8), values)} if side == "left" else {}
    labels = [f"http://example.org/{side}/<i>thing_{n}" for n in range(8)]
    return MultiModalGraph(labels, ["http://example.org/a#knows", "<u>r"], triples, features=features, names=NAMES)


@pytest.fixture
def odd() -> AlignedGraphs:
    """Two graphs of which only one has vectors, with one row of zeros and two equal ones."""
    return AlignedGraphs("odd", odd_graph("left"), odd_graph("right"), np.stack([np.arange(6)] * 2, 1))


def png(colour: tuple[int, int, int], size: int = 40) -> bytes:
    out = BytesIO()
    Image.new("RGB", (size, size), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[[list[str]], Path]:
    """Return a ZIP file of pictures called after labels: the first two are the same, the last is none."""

    def made(labels: list[str]) -> Path:
        file = tmp_path / "pictures.zip"
        with ZipFile(file, "w") as archive:
            for number, label in enumerate(labels[:-1]):
                archive.writestr(f"{label}.png", png((max(number - 1, 0) * 40 % 256, 90, 200)))
            archive.writestr(f"{labels[-1]}.png", b"no picture")
        return file

    return made
