"""When memory or disk runs out: what is tried, what is told; no Ray."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import RunError
from kgprism.platform.files import explain_full_disk
from kgprism.platform.studies.execution.retry import MemoryShortageError, retry_on_shortage
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run, plan


@pytest.fixture
def run() -> Run:
    return plan("loginmea", toy.aligned(), 0, {"eval.chunk": 100})


def hungry(most: int, result: Outcome) -> Callable[[Run], Outcome]:
    """Carry out what scores at most so many queries at once."""

    def carry(run: Run) -> Outcome:
        if run.configuration["eval.chunk"] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSecond line.")
        return result

    return carry


def test_a_second_try_takes_an_eighth_and_is_noted(run: Run, outcome: Callable[..., Outcome]) -> None:
    expected = outcome(0.5)
    carried, result = retry_on_shortage(run, hungry(12, expected))
    assert result is expected
    assert carried.configuration["eval.chunk"] == 12
    assert carried.id == run.id
    *_, note = carried.notes  # after what the split says
    assert note.startswith("out of GPU memory (CUDA out of memory. Tried to allocate 2.00 GiB.): ")
    assert "eval.chunk 100 -> 12" in note
    assert retry_on_shortage(run, hungry(100, expected)) == (run, expected)


def test_what_needs_more_than_an_eighth_is_given_up_in_one_line(run: Run, outcome: Callable[..., Outcome]) -> None:
    with pytest.raises(MemoryShortageError) as error:
        retry_on_shortage(run, hungry(11, outcome(0.5)))
    assert str(error.value) == "out of GPU memory (CUDA out of memory. Tried to allocate 2.00 GiB.)"


def test_memory_that_runs_out_in_a_worker_of_several_counts(run: Run, outcome: Callable[..., Outcome]) -> None:
    class TrainingError(Exception):
        worker_failures = {1: torch.OutOfMemoryError("CUDA out of memory.")}  # noqa: RUF012

    def carry(run: Run) -> Outcome:
        if run.configuration["eval.chunk"] == 100:
            raise RunError("its workers died 3 times") from TrainingError()
        return outcome(0.5)

    assert retry_on_shortage(run, carry)[0].configuration["eval.chunk"] == 12


def test_rays_own_shortage_is_one_of_the_hosts_memory(run: Run, outcome: Callable[..., Outcome]) -> None:
    class OutOfMemoryError(Exception):
        pass

    class TrainingError(Exception):
        worker_failures = {0: OutOfMemoryError("Task was killed: the node is low on memory.")}  # noqa: RUF012

    def carry(run: Run) -> Outcome:
        if run.configuration["eval.chunk"] == 100:
            raise RunError("its workers died 3 times") from TrainingError()
        return outcome(0.5)

    *_, note = retry_on_shortage(run, carry)[0].notes
    assert note.startswith("out of host memory (Task was killed: the node is low on memory.): ")


def test_other_errors_are_not_tried_again(run: Run) -> None:
    tries = []

    def carry(run: Run) -> Outcome:
        tries.append(run)
        raise RunError("loss 'alignment' is nan in epoch 2")

    with pytest.raises(RunError, match="is nan"):
        retry_on_shortage(run, carry)
    assert len(tries) == 1


def test_a_full_disk_is_one_line_and_leaves_no_half_run(
    run: Run, outcome: Callable[..., Outcome], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.write(plan("loginmea", toy.aligned(), 1), outcome(0.4))

    def full(path: Path, text: str, encoding: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        advice = "free some; the same command goes on from here$"
        with pytest.raises(RunError, match=f"^no space left for .*runs: {advice}"), explain_full_disk(store.folder):
            store.write(run, outcome(0.5))
    assert [path.name for path in store.folder.iterdir()] == [before.id]
    with explain_full_disk(store.folder):
        assert store.write(run, outcome(0.5)).id == run.id
