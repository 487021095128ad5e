"""What tests of several rooms share: one Ray session, a home of their own, the real data if they are there."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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


@pytest.fixture
def put_set() -> Callable[..., list[Path]]:
    """Store a made-up feature set: every second entity has a vector, drawn by `seed`."""
    import numpy as np

    from kgprism.platform.data.catalogue import feature_sets
    from kgprism.platform.data.graph import Dataset, Features

    def put(dataset: Dataset, modality: str, name: str, seed: int = 0, width: int = 16) -> list[Path]:
        draw, made = np.random.default_rng(seed), {}
        for side, graph in feature_sets.sides(dataset).items():
            entities = np.arange(0, len(graph.entities), 2)
            made[side] = Features(entities, draw.normal(size=(len(entities), width)).astype(np.float16))
        header = feature_sets.Header(
            "a-net", "ab" * 32, "lib 1.0", "8 x 8", "mean", {side: {"files": 9} for side in made}
        )
        return feature_sets.store(dataset, modality, name, made, header)

    return put


def pytest_configure() -> None:
    """Let Ctrl-C be heard: a shell starts what it puts into the background with this signal ignored, children too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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

    from kgprism.platform.cluster.session import session

    if not ray.is_initialized():
        sessions.enter_context(session(num_cpus=6))
    yield
    assert ray.is_initialized()
    nothing_left()


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Carry the trials of searches out in this process, one after the other, without Ray."""
    from kgprism.platform.studies.execution import ablation
    from kgprism.platform.studies.search import objective
    from kgprism.platform.studies.search.running import running

    messages: list[Any] = []
    put = SimpleNamespace(remote=messages.append)
    taken = SimpleNamespace(remote=lambda: [messages.pop(0) for _ in list(messages)])
    monkeypatch.setattr(running, "open_channel", lambda: SimpleNamespace(put=put, take=taken))
    monkeypatch.setattr(running, "ray", SimpleNamespace(get=lambda found: found, kill=lambda channel: None))
    monkeypatch.setattr(running, "share", lambda dataset: dataset)
    monkeypatch.setattr(objective, "shared", lambda dataset: dataset)
    monkeypatch.setattr(running, "carry_out", _carry_out)
    monkeypatch.setattr(ablation, "carry_out", _carry_out_cells)


def _carry_out(objective: Any, searcher: Any, *, look: Callable[[], None], **options: Any) -> tuple[str, ...]:
    """Do with one process what Ray Tune does with many; no trial is stopped early."""
    from kgprism.platform.errors import KgprismError
    from kgprism.platform.studies.search.trainable import CURVE, EPOCH, FAILED, VALUE

    number = 0
    while (proposed := searcher.suggest(name := str(number))) != searcher.FINISHED:
        number += 1
        searcher.on_trial_start(name)
        tell = partial(searcher.on_trial_result, name)

        def report(epoch: int, value: float, tell: Callable[[Any], None] = tell) -> None:
            look()
            tell({EPOCH: epoch, VALUE: value})

        try:
            curve = objective(proposed["overrides"], report)
        except KgprismError as error:
            look()
            searcher.on_trial_complete(name, {VALUE: math.nan, FAILED: str(error)})
            continue
        look()
        last = max(curve)
        searcher.on_trial_complete(name, {EPOCH: last, VALUE: curve[last], CURVE: list(curve.items())})
    return ()


def _carry_out_cells(cells: Any, datasets: Any, store: Any, *, listener: Any = None, **options: Any) -> dict[str, str]:
    """Do with one process what Ray does with many."""
    from kgprism.platform.studies.execution.events import Event
    from kgprism.platform.training.run import execute

    for cell in cells:
        store.write(cell.run, execute(cell.run, datasets[cell.dataset], folder=store.partial(cell.run.id)))
        for kind in ("queued", "started", "finished") if listener else ():
            listener(Event(kind, (cell,)))
    return {}


def _left() -> list[str]:
    import ray
    from ray.util import placement_group_table
    from ray.util.state import list_actors

    here = ray.get_runtime_context().gcs_address  # there may be other sessions on this machine
    groups = [str(group) for group in placement_group_table().values() if group["state"] != "REMOVED"]
    actors = list_actors(here, limit=10_000, raise_on_missing_output=False)
    kept = ("DEAD", "_AutoscalingCoordinatorActor", "ActorLocationTracker", "_StatsActor")
    return groups + [actor.class_name for actor in actors if not {actor.state, actor.class_name} & set(kept)]


@pytest.fixture
def real() -> Path:
    """The real benchmarks; tests that use it are marked ``real``."""
    if not REAL.exists():
        pytest.skip(f"no real data at {REAL}")
    return REAL
