"""Which split is taken where none is asked for, and how few pairs may choose the epoch."""

from dataclasses import replace

import numpy as np
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.catalogue.published import BENCHMARKS
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph
from kgprism.platform.data.inputs.few import FEW, few
from kgprism.platform.data.inputs.split import split
from kgprism.platform.settings import AlignmentData
from kgprism.platform.training.run import Run, plan

SIZES = {"train": 200, "valid": 50, "test": 150}


def own(name: str = "mine", **sizes: int) -> AlignedGraphs:
    """Return the toy under another name, with a split of its own."""
    graphs = toy.aligned()
    ends = np.cumsum([0, *(sizes or SIZES).values()])
    parts = {part: graphs.pairs[ends[n] : ends[n + 1]] for n, part in enumerate(sizes or SIZES)}
    return replace(graphs, name=name, published=parts)


def kind(graphs: AlignedGraphs, **overrides: object) -> str:
    return str(planned(graphs, **overrides).configuration["data.split"])


def planned(graphs: AlignedGraphs, **overrides: object) -> Run:
    return plan("eva", graphs, 0, {f"data.{key}": value for key, value in overrides.items()})


def test_a_split_of_the_source_is_taken_and_said() -> None:
    run = planned(own())
    assert run.configuration["data.split"] == "published"
    assert run.id == planned(own(), split="published").id
    (note,) = [line for line in run.notes if "own split" in line]
    assert note.startswith("mine: the source's own split is taken (200 train, 50 valid, 150 test pairs)")


@pytest.mark.parametrize("setting", [{"seed_ratio": 0.3}, {"split_seed": 4}])
def test_who_sets_how_a_split_is_drawn_gets_one_drawn(setting: dict[str, object]) -> None:
    run = planned(own(), **setting)
    assert run.configuration["data.split"] == "seeded"
    assert "mine: a split is drawn by data.seed_ratio; data.split=published takes the source's own" in run.notes
    assert kind(own(), **setting, split="published") == "published"
    nested = plan("eva", own(), 0, {"data": setting})
    assert nested.id == run.id


def test_known_benchmarks_are_split_as_their_papers_do() -> None:
    for name in BENCHMARKS:
        assert kind(own(name)) == "seeded"
        assert kind(own(name), split="published") == "published"


def test_without_a_split_of_the_source_nothing_is_said_and_the_run_is_the_seeded_one() -> None:
    plain = plan("eva", toy.aligned(), 0)
    assert plain.configuration["data.split"] == "seeded"
    assert plain.id == plan("eva", toy.aligned(), 0, {"data.split": "seeded"}).id
    assert not [note for note in plain.notes if "split" in note]
    assert kind(own(train=300, valid=50)) == "seeded"  # no test part: no split


def test_the_split_itself_knows_the_word() -> None:
    assert len(split(own(), AlignmentData(), 0.1, 0).test) == SIZES["test"]
    assert len(split(toy.aligned(), AlignmentData(), 0.1, 0).test) == 320


@pytest.mark.parametrize(
    ("graphs", "overrides", "said"),
    [
        (own(), {}, "only 50 pairs choose the epoch (select=valid): one more hit is 2.0 points of Hits@1 there"),
        (own(train=200, valid=1, test=150), {}, "only one of the pairs chooses the epoch"),
        (own(train=200, test=150), {}, "only 20 pairs choose"),
        (toy.aligned(), {"data.seed_ratio": 0.05}, "only 2 pairs choose the epoch"),
        (toy.aligned(), {"data.seeds": "unsupervised", "data.seeds.count": 300}, "only 30 pairs choose"),
        (toy.aligned(), {"eval.valid_ratio": 0, "eval.select": "last"}, ""),
        (own(train=100, valid=FEW, test=150), {}, ""),
    ],
)
def test_few_pairs_that_choose_the_epoch_are_counted(
    graphs: AlignedGraphs, overrides: dict[str, object], said: str
) -> None:
    run = plan("eva", graphs, 0, overrides)
    found = [note for note in run.notes if "the epoch" in note]
    assert len(found) == bool(said)
    assert not said or said in found[0]
    held = split(graphs, run.settings.data, run.settings.eval.valid_ratio, 0).valid
    assert not said or "one of" in found[0] or f"only {len(held)} pairs" in found[0]


def test_few_triples_that_choose_the_epoch_are_counted() -> None:
    whole = toy.completion()
    small = CompletionGraph("small", whole.graph, whole.valid[:2], whole.test)
    assert "small: only 2 triples choose the epoch" in " ".join(plan("ikrl", small, 0).notes)
    assert few("small", 0, "triples") == few("small", FEW, "triples") == ()
