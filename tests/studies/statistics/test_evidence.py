"""What a difference between two rows' runs is worth, from made-up ranks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from kgprism.platform.studies.statistics.evidence import Evidence, compared, judged, proofs
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.protocol import Protocol
from kgprism.platform.training.run import Run

Make = Callable[..., Record]
L2R = Protocol("valid", "l2r")


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """Keep ranks, and return the run that they would be of."""

    def make(name: str, ranks: np.ndarray, seed: int = 0, notes: tuple[str, ...] = (), **settings: object) -> Record:
        folder = tmp_path / f"{name}-{seed}"
        folder.mkdir(exist_ok=True)
        np.savez(folder / "ranks.npz", **{"valid/l2r/realistic": ranks.astype(np.float32)})
        metrics = {"test/l2r/mrr": float((1 / ranks).mean()), "test/l2r/hits_at_1": float((ranks <= 1).mean())}
        chosen = {"valid": {"epoch": 1, "metrics": metrics}}
        configuration = {"data.split": "seeded", "data.split_seed": 1, **settings}
        return Record(folder.name, "m", "d", seed, configuration, notes, chosen, "finished", 1.0, 0, "", folder)

    return make


def ranks(seed: int, better: float = 0.0, queries: int = 400) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(1, 20, queries)
    return np.where(np.random.default_rng(seed + 100).random(queries) < better, 1, drawn)


def the(found: list[Evidence | None]) -> Evidence:
    assert found[0] is not None
    return found[0]


def test_one_seed_is_a_paired_t_test_that_is_never_starred(made: Make) -> None:
    mine, full = ranks(0, better=0.3), ranks(0)
    found = the(compared([(made("a", mine), made("b", full))], L2R, ["mrr"]))
    assert found.chance == pytest.approx(ttest_1samp(1 / mine - 1 / full, 0).pvalue, rel=1e-4)
    assert (found.covers, found.seeds, found.mcnemar, found.equal) == ("queries", 1, None, False)
    assert found.interval[0] < (1 / mine - 1 / full).mean() < found.interval[1]
    assert found.chance < 1e-6
    assert not found.starred


def test_three_seeds_on_the_same_queries_are_starred_where_they_agree(made: Make) -> None:
    pairs = [(made("a", ranks(7, 0.3), seed), made("b", ranks(7), seed)) for seed in range(3)]
    cells = {
        (row, "d", None): [Cell(row, "d", None, seed, _run(pairs[seed][n].id, seed)) for seed in range(3)]
        for n, row in enumerate(("better", "full"))
    }
    records = {record.id: record for pair in pairs for record in pair}
    found = proofs(cells, records, {"better": "full", "full": ""}.__getitem__, lambda row: L2R, ["mrr", "hits_at_1"])
    assert set(found) == {("better", "d", None, "mrr"), ("better", "d", None, "hits_at_1")}
    one = found["better", "d", None, "hits_at_1"]
    assert (one.covers, one.seeds) == ("seeds and queries", 3)
    assert one.starred
    assert one.mcnemar is not None
    assert one.mcnemar < 1e-9


def test_a_row_that_is_judged_again_leaves_the_trained_rows_as_they_were(made: Make) -> None:
    own = {"full": ranks(7), "one": ranks(7, 0.03), "two": ranks(7, 0.02), "again": ranks(7, 0.01)}
    records = {(row, seed): made(row, one, seed) for row, one in own.items() for seed in range(3)}
    known = {record.id: record for record in records.values()}

    def found(*rows: str) -> dict[str, Evidence]:
        cells = {
            (row, "d", None): [Cell(row, "d", None, n, _run(records[row, n].id, n)) for n in range(3)] for row in rows
        }
        proved = proofs(
            cells, known, lambda row: "full" if row != "full" else "", lambda row: L2R, ["mrr"], again={"again"}
        )
        return {row: evidence for (row, *_), evidence in proved.items()}

    before, after = found("full", "one", "two"), found("full", "one", "again", "two")
    assert before["one"].adjusted == pytest.approx(min(1, 2 * before["one"].chance))
    assert {row: after[row] for row in before} == before
    assert after["again"].adjusted == after["again"].chance, "its family is itself"


def test_rows_whose_queries_all_have_the_same_rank_are_equal(made: Make) -> None:
    found = the(compared([(made("a", ranks(1)), made("b", ranks(1)))], L2R, ["mrr"]))
    assert (found.equal, found.chance, found.interval, found.equivalent) == (True, 1, (0, 0), 0)


def test_other_numbers_of_queries_are_not_compared(made: Make) -> None:
    pair = made("a", ranks(1)), made("b", ranks(1, queries=30))
    assert compared([pair], L2R, ["mrr"]) == [None]
    assert compared([pair], Protocol("valid", "seen"), ["mrr"]) == [None]


def test_a_published_number_is_judged_by_the_runs_own_interval(made: Make) -> None:
    records = [made("a", ranks(3, queries=40_000), seed) for seed in range(3)]
    mean = records[0].metric("valid", "test/l2r/mrr") or 0
    told = [str(judged(mean + away, records, L2R, "mrr", 0.001)) for away in (0.0, 0.2)]
    assert told == ["reproduced", "not reproduced: lower"]
    without = made("b", ranks(3), notes=("d has no image features: left out",))
    found = judged(mean, [without], L2R, "mrr", 0.001, ("--set train.epochs=2",))
    assert str(found) == "cannot tell: --set train.epochs=2; d has no image features: left out"
    assert judged(mean, [], L2R, "mrr", 0.001) is None


def _run(run_id: str, seed: int) -> Run:
    run = Run("m", "d", "", seed, {})
    vars(run)["id"] = run_id
    return run
