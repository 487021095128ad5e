"""What a node's processes share of a dataset: made once, mapped, compared bit by bit, never a reason to fail."""

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kgprism.platform.data.catalogue import datasets, prepared, toy
from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.data.inputs import features
from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.data.once import kept_by
from kgprism.platform.home import home
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.settings import AlignmentData

MODALITIES = ("attribute", "image", "relation")


@pytest.fixture(autouse=True)
def every_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path))
    monkeypatch.setattr(prepared, "LEAST", 0)


@pytest.fixture
def graphs() -> AlignedGraphs:
    """Return a dataset that no process has made anything of."""
    features._tables.clear()
    return toy.aligned()


def joined(graphs: AlignedGraphs, **settings: object) -> JointGraph:
    features._tables.clear()  # as in a new process
    with kept_by(prepared.once_a_node):
        return features.join(graphs, AlignmentData(**settings), 0, MODALITIES)  # type: ignore[arg-type]


def entries() -> list[Path]:
    return sorted(path.parent for path in (home() / "cache" / "prepared").glob("*/[!.]*/index.json"))


def same(one: JointGraph, other: JointGraph) -> bool:
    pairs = [(one.features, other.features), (one.present, other.present)]
    return all(torch.equal(a[name], b[name]) for a, b in pairs for name in MODALITIES)


def test_the_second_process_maps_what_the_first_has_made(graphs, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = features.join(graphs, AlignmentData(), 0, MODALITIES)
    first = joined(graphs)
    assert len(entries()) == 3
    monkeypatch.setattr(features, "_made", None)
    second = joined(graphs)
    assert same(plain, first)
    assert same(plain, second)
    files = Path("/proc/self/maps").read_text(encoding="utf-8")
    assert str(entries()[0]) in files


def test_what_decides_a_table_makes_another_one(graphs) -> None:
    joined(graphs)
    joined(graphs, top_relations=5)
    assert len(entries()) == 4, "images and attributes stay as they are"
    joined(graphs, missing_images="zero")
    assert len(entries()) == 5


def test_what_is_written_into_a_table_stays_in_its_process(graphs) -> None:
    table = joined(graphs).features["relation"]
    before = table.clone()
    table.zero_()
    assert torch.equal(joined(graphs).features["relation"], before)


def test_damage_in_any_bit_is_noticed_and_the_table_made_again(graphs) -> None:
    plain = features.join(graphs, AlignmentData(), 0, MODALITIES)
    joined(graphs)
    gc.collect()
    for entry in entries():
        file = max(entry.glob("*.npy"), key=lambda file: file.stat().st_size)
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    with pytest.warns(SetAsideWarning):
        assert same(joined(graphs), plain)
    assert same(joined(graphs), plain)


def test_a_home_that_takes_nothing_is_done_without(graphs, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the place of a folder")
    assert same(joined(graphs), features.join(graphs, AlignmentData(), 0, MODALITIES))


def test_an_error_in_the_making_is_raised_and_nothing_is_kept(graphs) -> None:
    def make() -> dict[str, np.ndarray]:
        raise OSError("read error")

    with pytest.raises(OSError, match="read error"):
        prepared.once_a_node(graphs, ("image",), make)
    assert not entries()


def test_what_was_not_used_for_long_makes_room(graphs, monkeypatch: pytest.MonkeyPatch) -> None:
    joined(graphs)
    monkeypatch.setattr(prepared, "MOST", 1)
    joined(graphs, top_relations=7)
    assert len(entries()) == 1


def test_removing_data_removes_what_was_made_of_them(graphs) -> None:
    joined(graphs)
    joined(replace(graphs, name="mine", pairs=graphs.pairs[1:]))
    assert len(entries()) == 6
    (home() / "data" / "mine").mkdir(parents=True)
    datasets.remove("mine")
    assert len(entries()) == 3


def test_runs_of_a_process_share_their_tables(graphs) -> None:
    first, second = (features.join(graphs, AlignmentData(), 0, names) for names in (MODALITIES, ("relation",)))
    assert first.features["relation"] is second.features["relation"]
    assert features.join(graphs, AlignmentData(), 1, MODALITIES).features["image"] is not first.features["image"]
