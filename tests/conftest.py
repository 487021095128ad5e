"""What tests of several rooms share: one Ray session, a home of their own, the real data if they are there."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the user's own home."""
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """Let no test's outcome hang on what was drawn before it."""
    torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the tests with nodes of their own to the end: a process has one Ray session at a time."""
    items.sort(key=lambda item: "nodes" in item.path.parts)


@pytest.fixture(scope="session")
def sessions() -> Iterator[ExitStack]:
    """Hold the Ray session of this process; who needs another one closes it."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        # A process a try less: no test's cluster announces that it will take a node away.
        patch.setenv("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
        yield stack


@pytest.fixture
def nothing_left() -> Callable[[], None]:
    """Tell the placement groups and actors that do not go away, but for those that Ray keeps for a session."""

    def await_end(seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while found := _left():
            assert time.monotonic() < end, f"left behind: {found}"
            time.sleep(0.2)

    return await_end


@pytest.fixture
def cluster(own_home: Path, sessions: ExitStack, nothing_left: Callable[[], None]) -> Iterator[None]:
    """One Ray session for all tests marked ``ray``; none of them may leave anything behind in it."""
    import ray

    from kgprism.platform.studies.session import session

    if not ray.is_initialized():
        sessions.enter_context(session(num_cpus=6))
    yield
    assert ray.is_initialized()
    nothing_left()


def _left() -> list[str]:
    import ray
    from ray.util import placement_group_table
    from ray.util.state import list_actors

    here = ray.get_runtime_context().gcs_address  # there may be other sessions on this machine
    groups = [str(group) for group in placement_group_table().values() if group["state"] != "REMOVED"]
    actors = list_actors(here, limit=10_000, raise_on_missing_output=False)
    kept = ("DEAD", "_AutoscalingCoordinatorActor")
    return groups + [actor.class_name for actor in actors if not {actor.state, actor.class_name} & set(kept)]


@pytest.fixture
def real() -> Path:
    """The real benchmarks; tests that use it are marked ``real``."""
    if not REAL.exists():
        pytest.skip(f"no real data at {REAL}")
    return REAL
