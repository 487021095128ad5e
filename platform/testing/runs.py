"""What a run of a method must be: its seed's alone, and no other for having been cut off."""

from pathlib import Path

import torch

from kgprism.platform.testing.asked import Contract
from kgprism.platform.testing.variants import SEED, Variant
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import execute


class RunContract(Contract):
    """A run of a method is its seed's alone, and can be cut off anywhere."""

    def test_the_same_seed_gives_the_same_numbers(self, preset: Variant) -> None:
        run = preset.run()
        first, second = (execute(run, preset.dataset) for _ in range(2))
        same(first, second, "two runs of one seed")
        torch.manual_seed(SEED + 1)
        same(first, execute(run, preset.dataset), "a run after numbers were drawn elsewhere")

    def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(self, preset: Variant, tmp_path: Path) -> None:
        run = preset.run()
        whole = execute(run, preset.dataset)
        cut = execute(run, preset.dataset, folder=tmp_path, listener=lambda row: row["epoch"] == 2)
        assert cut.stopped == "pruned", "the run was over before it was cut off"
        same(whole, execute(run, preset.dataset, folder=tmp_path), "a whole run and one that was cut off")


def same(one: Outcome, two: Outcome, what: str) -> None:
    """Hold two runs equal to the last bit, but for the time they took."""
    for left, right in zip(one.history, two.history, strict=True):
        wrong = {key for key in left.keys() | right.keys() if not _equal(left.get(key), right.get(key))} - {"seconds"}
        assert not wrong, f"{what} differ in epoch {left['epoch']:g}: {', '.join(sorted(wrong))}"
    wrong = {name for name in one.weights if not torch.equal(one.weights[name], two.weights[name])}
    assert not wrong, f"{what} end with other weights: {', '.join(sorted(wrong))}"


def _equal(one: float | None, two: float | None) -> bool:
    return one == two or (one != one and two != two)
