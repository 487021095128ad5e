"""The published features of EMOJI_EN_FR, from its pictures and names; all of them with KGPRISM_ALL=1."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import kgprism
from kgprism.platform.data.catalogue import datasets, feature_sets
from kgprism.platform.data.graph import AlignedGraphs, Features
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.features.encoders import known

pytestmark = pytest.mark.real

ALL = bool(os.environ.get("KGPRISM_ALL"))


@pytest.fixture
def emoji(real: Path) -> AlignedGraphs:
    datasets.import_dataset("emoji", real / "EMOJI_EN_FR")
    found = datasets.load("emoji")
    assert isinstance(found, AlignedGraphs)
    return found


def cosines(published: Features, made: Features) -> np.ndarray:
    """Return the cosine of each vector that was made with the published one of the same entity."""
    places = np.searchsorted(published.entities, made.entities)
    assert (published.entities[places] == made.entities).all()
    one, other = published.values[places].astype(np.float64), made.values.astype(np.float64)
    found: np.ndarray = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return found


def here(kind: known.Kind) -> None:
    try:
        known.encoder(kind, known.DEFAULT[kind])
    except ConfigurationError as error:
        pytest.skip(str(error))


def test_the_pictures_give_the_published_features(real: Path, emoji: AlignedGraphs, tmp_path: Path) -> None:
    here("image")
    sources: list[Path] = []
    for side in ("kg1", "kg2"):
        archive = real / "EMOJI_EN_FR" / side / "images.zip"
        if not ALL:
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(tmp_path / side, sorted(opened.namelist())[::250])
            archive = tmp_path / side
        sources.append(archive)
    made = kgprism.extract("emoji", images=sources, workers=0)
    assert (made.width, made.unreadable, made.strangers) == (1280, (), ())
    found = feature_sets.read(emoji, feature_sets.find("emoji", "image", "efficientnet-lite0"))
    for side, graph in feature_sets.sides(emoji).items():
        assert len(found[side].entities) == (len(graph.features["image"].entities) if ALL else 11)
        assert cosines(graph.features["image"], found[side]).min() > 0.999


@pytest.mark.slow
def test_the_names_give_the_published_features(emoji: AlignedGraphs) -> None:
    here("text")
    kgprism.extract("emoji", texts="names", workers=0)
    found = feature_sets.read(emoji, feature_sets.find("emoji", "text", "all-minilm-l6-v2"))
    for side, graph in feature_sets.sides(emoji).items():
        assert len(found[side].entities) == len(graph.entities)
        assert cosines(graph.features["text"], found[side]).min() > 0.999
