"""From measured memory to a share; no Ray."""

import pytest

from kgprism.platform.cluster.resources import Resources
from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.execution import packing
from kgprism.platform.studies.execution.packing import Need, probe
from kgprism.platform.training.run import plan

GIB = 2**30


def test_a_gpu_is_cut_into_as_many_parts_as_hold_the_peak_and_a_quarter_more() -> None:
    asked = Resources(cpus=2, gpus=1)
    # 80 / (10 * 1.25) = 6.4, 80 / (20 * 1.25) = 3.2, 80 / (16 * 1.25) = 4
    for peak, parts in ((10, 6), (20, 3), (16, 4), (50, 1), (79, 1)):
        share = Need(4 * GIB, peak * GIB, 80 * GIB).share(asked)
        assert share.cpus == 2
        assert share.memory == 5 * GIB
        assert parts * share.gpus <= 1
        assert share.gpus == pytest.approx(1 / parts, abs=1e-4)


def test_a_run_that_held_no_gpu_keeps_the_share_asked_for() -> None:
    assert Need(4 * GIB).share(Resources(gpus=0.5)) == Resources(gpus=0.5, memory=5 * GIB)


def test_a_probe_judges_once_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = toy.aligned()
    monkeypatch.setattr(packing, "shared", lambda reference: graphs)
    small = {"graph_width": 8, "modal_width": 8, "pseudo_pairs": "none", "train.epochs": 10**6}
    rows: list[float] = []
    carried = packing.execute

    def watched(run: object, dataset: object, listener: object) -> None:
        def listen(row: dict[str, float]) -> bool:
            rows.append(row["epoch"])
            assert ("valid/l2r/mrr" in row) == (row["epoch"] == 2)
            return listener(row)  # type: ignore[operator]

        carried(run, dataset, listener=listen)  # type: ignore[arg-type]

    monkeypatch.setattr(packing, "execute", watched)
    need = probe(plan("loginmea", graphs, 0, small), [None])
    assert rows == [1, 2]
    assert need.host > 2**26


def test_more_than_one_gpu_are_whole_ones() -> None:
    assert Resources(gpus=2) != Resources(gpus=0.5)
    with pytest.raises(ConfigurationError, match=r"a part of a GPU or whole ones, got 1.5"):
        Resources(gpus=1.5)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"cpus": 0}, {"gpus": -1}, {"memory": -1}])
def test_a_run_takes_a_worker_and_a_part_of_a_cpu(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="a run needs a worker and a part of a CPU"):
        Resources(**wrong)
