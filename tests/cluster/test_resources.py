"""What a run takes, and what would be waited for in vain."""

import pytest
import ray

from kgprism.platform.cluster import resources
from kgprism.platform.cluster.resources import Resources
from kgprism.platform.errors import ConfigurationError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of two processors."""
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": {"CPU": 2.0}}])
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Resources(cpus=50), "a run needs 50 CPU and 0 GPU, this machine has 2 CPU and 0 GPU"),
        (Resources(gpus=1), "a run needs 1 CPU and 1 GPU, this machine has 2 CPU and 0 GPU"),
        (Resources(workers=3), "a run needs 3 workers of 1 CPU and 0 GPU, this machine has 2 CPU and 0 GPU"),
    ],
)
def test_this_machine_refuses_what_it_has_not_and_a_cluster_waits_for_it(
    machine: None, monkeypatch: pytest.MonkeyPatch, asked: Resources, told: str
) -> None:
    monkeypatch.setattr(resources, "may_grow", lambda: False)
    with pytest.raises(ConfigurationError, match=f"^{told}$"):
        asked.refuse_unaffordable()
    monkeypatch.setattr(resources, "may_grow", lambda: True)
    asked.refuse_unaffordable()


def test_what_fits_is_not_refused(machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "may_grow", lambda: False)
    Resources(cpus=2).refuse_unaffordable()


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (1, -1), (1, float("nan")), (1, 1, float("inf")), (1, 1, -1)])
def test_numbers_that_no_machine_has(numbers: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError):
        Resources(*numbers)  # type: ignore[arg-type]
