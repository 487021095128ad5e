"""Which seeds are asked for while nothing is decided, from made-up ranks."""

from collections.abc import Callable

import numpy as np
import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.execution.adaptive import Seeds, asked, without_base
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Chosen, Outcome

SEEDS = Seeds(2, 5)


@pytest.fixture
def every(small: Suite, graphs: AlignedGraphs) -> list[Cell]:
    return [cell for cell in expand(small, {"toy": graphs}, seeds=5) if cell.seed_ratio == 0.2]


@pytest.fixture
def finish(store: Store) -> Callable[[list[Cell]], None]:
    """Finish runs: `sum` is far behind in every seed, `blind` is better by chance in some, worse in others."""

    def write(cells: list[Cell]) -> None:
        for cell in cells:
            if store.read(cell.run.id) is None:
                ranks = np.random.default_rng(0).integers(2, 5, 60).astype(np.float32)
                if cell.variant == "sum":
                    ranks *= 10
                if cell.variant == "blind":
                    ranks[: 10 + cell.seed] += 1 if cell.seed % 2 else -1
                chosen = Chosen(1, {"test/l2r/mrr": 0.5, "test/l2r/hits_at_1": 0.5}, {"l2r/realistic": ranks})
                done = {"last": chosen, "valid": chosen}
                store.write(cell.run, Outcome([{"epoch": 1.0}], done, {}, "finished", 1.0, 0))

    return write


def counted(cells: list[Cell]) -> dict[str, int]:
    return {row: sum(cell.variant == row for cell in cells) for row in ("whole", "sum", "blind")}


def test_only_what_is_undecided_gets_more_seeds_and_a_restart_goes_on_alike(
    small: Suite, every: list[Cell], store: Store, finish: Callable[[list[Cell]], None]
) -> None:
    cells, rounds = asked(small, every, store, SEEDS), 0
    assert counted(cells) == {"whole": 2, "sum": 2, "blind": 2}
    while True:
        finish(cells[:-1])
        assert asked(small, every, store, SEEDS) == cells, "nothing is added before all is finished"
        finish(cells)
        more = asked(small, every, store, SEEDS)
        if more == cells:
            break
        cells, rounds = more, rounds + 1
    assert rounds == 3
    assert counted(cells) == {"whole": 5, "sum": 3, "blind": 5}


def test_the_word_behind_seeds() -> None:
    assert (Seeds.parse(None), Seeds.parse("3"), Seeds.parse("adaptive:3-10")) == (
        Seeds(None, None),
        Seeds(3, 3),
        Seeds(3, 10),
    )
    assert [Seeds.parse(word).adaptive for word in ("3", "adaptive:3-10")] == [False, True]


@pytest.mark.parametrize(
    "word", ["0", "-1", "x", "adaptive", "adaptive:5-3", "adaptive:0-3", "3-10", "2000", "9" * 30, "\uff13"]
)
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(ConfigurationError, match="--seeds: expected a number up to 1000, or adaptive:3-10; got"):
        Seeds.parse(word)


def test_rows_whose_base_is_left_out_are_told_that_they_get_no_more(small: Suite, every: list[Cell]) -> None:
    alone = [cell for cell in every if cell.variant != "whole"]
    told = "sum, blind: 2 seeds and no more, as what to compare with, whole, is not run"
    assert without_base(small, alone, SEEDS) == [told]
    assert without_base(small, alone, Seeds(2, 2)) == []
    assert without_base(small, every, SEEDS) == []
