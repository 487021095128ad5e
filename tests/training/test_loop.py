from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError, RunError
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.method import Method
from kgprism.platform.part import Settings
from kgprism.platform.settings import AlignmentEvaluation, AlignmentTraining
from kgprism.platform.tasks.task import Judgement, Restart
from kgprism.platform.training import checkpoint
from kgprism.platform.training.loop import Loop
from kgprism.platform.training.run import execute, plan

SMALL = {"modal_width": 8, "graph_width": 8, "train.batch_size": 40, "train.checkpoint_seconds": 0, "eval.every": 2}
PAIRS = {"pseudo_pairs.start": 2, "pseudo_pairs.every": 1, "pseudo_pairs.window": 2, "pseudo_pairs.commit": 2}


class Slope(Method):
    """One weight whose loss is its square, judged by scripted metrics."""

    def __init__(self, start: float = 1.0) -> None:
        super().__init__(Settings(), seed=0)
        self.x = torch.nn.Parameter(torch.tensor(start))
        self.steps = 0

    def forward(self, batch: float, phase: str = "train") -> dict[str, torch.Tensor]:
        return {"square": self.x**2 * batch, "other": 0 * self.x}


class Script:
    """A task of fixed batches whose validation metric follows a list."""

    splits = ("valid", "test")
    stage = None

    def __init__(self, batches: list[float], metrics: list[float]) -> None:
        self.batches, self.metrics, self.judged = batches, metrics, 0

    def learner(self, method: Method) -> Method:
        return method

    def steps(self, epoch: int, worker: int = 0, workers: int = 1) -> Iterator[float]:
        return iter(self.batches)

    def count(self, method: Method, split: str, worker: int = 0, workers: int = 1) -> torch.Tensor:
        assert not method.training
        return torch.zeros(1, dtype=torch.int32)

    def judgement(self, split: str, counts: torch.Tensor) -> Judgement:
        value = self.metrics[self.judged // 2] * (1 if split == "valid" else -1)
        self.judged += 1
        return Judgement({"l2r/mrr": value}, {"l2r/realistic": np.array([value])})

    def restart(self, epoch: int) -> Restart | None:
        return None

    def propose(self, epoch: int, when: str, method: Method) -> None:
        return None

    def state(self) -> dict:
        return {}


def scripted(batches: list[float], metrics: list[float], **training) -> Loop:
    settings = AlignmentTraining(**({"epochs": len(metrics), "learning_rate": 0.1, "weight_decay": 0.0} | training))
    return Loop(Slope(), Script(batches, metrics), settings, AlignmentEvaluation(every=1))


def test_every_way_to_pick_the_epoch_is_kept_with_its_metrics_and_ranks():
    outcome = scripted([1.0], [0.2, 0.9, 0.5]).run()
    assert {name: chosen.epoch for name, chosen in outcome.selections.items()} == {
        "valid": 2,
        "best_test": 1,
        "last": 3,
    }
    assert outcome.selections["valid"].metrics == {"valid/l2r/mrr": 0.9, "test/l2r/mrr": -0.9}
    assert outcome.selections["best_test"].ranks["l2r/realistic"] == [-0.2]
    assert outcome.stopped == "finished"


def test_weights_are_those_of_the_best_validation_epoch():
    loop = scripted([1.0], [0.2, 0.9, 0.5])
    after = []
    loop.listener = lambda row: after.append(loop.method.x.item()) is not None
    outcome = loop.run()
    assert outcome.weights["x"].item() == after[1] != after[2]


def test_patience_counts_evaluations_without_a_gain():
    outcome = scripted([1.0], [0.5, 0.6, 0.6, 0.1, 0.9, 0.9], patience=2).run()
    assert (len(outcome.history), outcome.stopped) == (4, "patience")


def test_a_listener_may_stop_the_run():
    loop = scripted([1.0], [0.1] * 5)
    loop.listener = lambda row: row["epoch"] == 2
    assert loop.run().stopped == "pruned"
    assert len(loop.history) == 2


def test_accumulated_batches_take_one_step_of_their_summed_gradient():
    one, many = scripted([6.0], [0.0]), scripted([1.0, 2.0, 3.0], [0.0], accumulate=3)
    one.run(), many.run()
    assert one.method.x.item() == pytest.approx(many.method.x.item())
    stepping = scripted([1.0, 2.0, 3.0], [0.0], accumulate=2)
    steps = []
    stepping.optimiser.adams["train"].register_step_post_hook(lambda *_: steps.append(1))
    stepping.run()
    assert len(steps) == 2


def test_a_loss_that_is_not_finite_names_term_epoch_and_batch():
    with pytest.raises(RunError, match=r"loss 'square' is inf in epoch 1, batch 2"):
        scripted([1.0, float("inf")], [0.0]).run()


def test_a_run_cut_anywhere_goes_on_exactly(tmp_path):
    graphs = toy.aligned()
    run = plan("loginmea", graphs, 3, SMALL | PAIRS | {"train.epochs": 6})
    whole = execute(run, graphs)
    cut = execute(run, graphs, folder=tmp_path, listener=lambda row: row["epoch"] == 4)
    assert cut.stopped == "pruned"
    resumed = execute(run, graphs, folder=tmp_path)
    assert whole.history[5]["loss"] == resumed.history[5]["loss"]
    assert "pseudo_pairs" in whole.history[3], "the cut must fall after pairs were added"
    assert [row["loss"] for row in whole.history] == [row["loss"] for row in resumed.history]
    assert whole.selections["last"].metrics == resumed.selections["last"].metrics
    for name, weight in whole.weights.items():
        torch.testing.assert_close(resumed.weights[name], weight, rtol=0, atol=0)


def test_a_run_begins_anew_where_its_checkpoint_is_damaged(tmp_path):
    graphs = toy.aligned()
    run = plan("loginmea", graphs, 3, SMALL | {"train.epochs": 2})
    wider = plan("loginmea", graphs, 3, SMALL | {"train.epochs": 2, "modal_width": 16})
    whole = execute(run, graphs)
    execute(wider, graphs, folder=tmp_path, listener=lambda row: False)
    file = tmp_path / "checkpoint.pt"
    other = file.read_bytes()
    for data, told in ((other, "its weights are not those of this method"), (other[:-200], "cannot be read")):
        file.write_bytes(data)
        with pytest.warns(SetAsideWarning, match=told):
            again = execute(run, graphs, folder=tmp_path)
        assert [row["loss"] for row in again.history] == [row["loss"] for row in whole.history]
    state = checkpoint.load(file)
    checkpoint.save(file, state | {"selecting": {}})
    with pytest.raises(RunError, match="the same command begins this run anew"), pytest.warns(SetAsideWarning):
        execute(run, graphs, folder=tmp_path)
    assert execute(run, graphs, folder=tmp_path).history[1]["loss"] == whole.history[1]["loss"]


def test_a_step_an_epoch_sums_the_slices_and_a_step_a_batch_takes_them_one_by_one():
    graphs = toy.aligned()
    losses = {}
    for step in ("epoch", "batch"):
        run = plan("loginmea", graphs, 0, SMALL | {"train.epochs": 1, "train.step": step, "pseudo_pairs": "none"})
        losses[step] = execute(run, graphs).history[0]["loss"]
    slices = -(-72 // 40)  # 80 seeds, a tenth held out, in slices of 40
    assert losses["epoch"] == pytest.approx(losses["batch"] * slices, rel=0.05)


def test_preset_and_overrides_are_checked_before_anything_runs():
    graphs = toy.aligned()
    with pytest.raises(ConfigurationError, match=r"did you mean 'fusion.rank'"):
        plan("loginmea", graphs, 0, {"fusion.rnk": 3})
    with pytest.raises(ConfigurationError, match=r"no preset 'papr' .did you mean 'paper'"):
        plan("loginmea", graphs, 0, preset="papr")
    with pytest.raises(ConfigurationError, match=r"did you mean 'loginmea'"):
        plan("loginmae", graphs, 0)
    with pytest.raises(ConfigurationError, match="method of alignment, but toy-completion is data for completion"):
        plan("loginmea", toy.completion(), 0)


def test_identity_is_of_what_can_change_a_result():
    graphs = toy.aligned()
    plain = plan("loginmea", graphs, 0)
    assert plain.id == plan("loginmea", graphs, 0, {"train.device": "cpu", "eval.select": "last"}).id
    assert plain.id == plan("loginmea", graphs, 0, preset="code").id
    for other in (plan("loginmea", graphs, 1), plan("loginmea", graphs, 0, {"fusion.rank": 4})):
        assert other.id != plain.id


def test_modalities_that_the_data_lack_are_left_out_and_noted():
    graphs = deepcopy(toy.aligned())  # the toy itself is shared by all tests
    run = plan("loginmea", graphs, 0, {"modalities": ["image", "relation"]})
    (few,) = run.notes
    assert few.startswith("toy: only 8 pairs choose the epoch")
    for graph in (graphs.left, graphs.right):
        graph.features.pop("image")
    bare = plan("loginmea", graphs, 0, {"modalities": ["image", "relation"]})
    assert bare.configuration["modalities"] == ["relation"]
    assert bare.notes == (few, "toy has no image features: left out")
    assert bare.id == plan("loginmea", graphs, 0, {"modalities": ["relation"]}).id
