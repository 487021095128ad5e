"""Several nodes on one machine: Ray's own test cluster, with processors that are only declared."""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import ray
from ray.cluster_utils import Cluster
from ray.util.state import list_actors

from kgprism.platform import configuration
from kgprism.platform.cluster.session import session
from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.execution.ablation import carry_out
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.training.run import Run, plan

T = TypeVar("T")
#: Small enough that an epoch takes hundredths of a second; a checkpoint after each.
TINY: dict[str, Any] = {"graph_width": 8, "modal_width": 8, "pseudo_pairs": "none", "train.checkpoint_seconds": 0}
TINY |= {"train.epochs": 4, "eval.every": 2}
NODES, CPUS, GPUS = 3, 2, 1


@dataclass
class Nodes:
    """The worker nodes; the driver's own one carries no runs."""

    cluster: Cluster
    folder: Path
    added: list[Any] = field(default_factory=list)

    def complete(self) -> None:
        """Put new nodes in the place of lost ones."""
        while len(self.added) < NODES:
            self.add()
        self.cluster.wait_for_nodes()
        await_(lambda: ray.cluster_resources().get("CPU") == NODES * CPUS, "nodes")

    def add(self, **options: Any) -> Any:
        """Add a node."""
        settings = {"num_cpus": CPUS, "num_gpus": GPUS, "memory": 2**30, **options}
        self.added.append(patiently(lambda: self.cluster.add_node(**settings, object_store_memory=2**27)))
        return self.added[-1]

    def lose(self, node_id: str) -> None:
        """Kill all processes of a node at once, as a spot market does."""
        node = next(node for node in self.added if node.node_id == node_id)
        self.added.remove(node)
        raylet = node.all_processes["raylet"][0].process.pid
        workers = Path(f"/proc/{raylet}/task/{raylet}/children").read_text(encoding="utf-8").split()
        self.cluster.remove_node(node, allow_graceful=False)
        for worker in map(int, workers):  # which would only notice after a while
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
            self.ended(worker)

    def log(self, *runs: Run) -> list[dict[str, Any]]:
        """Return what the epochs of these runs, of all by default, noted when they began."""
        file, marks = self.folder / "log", {mark(run) for run in runs}
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line for line in lines if not runs or line["run"] in marks]

    def epochs(self, *runs: Run) -> Counter[int]:
        """Return how often each epoch began, in all processes of these runs."""
        return Counter(line["epoch"] for line in self.log(*runs))

    def held(self, *runs: Run, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many processes are held, and return where they are."""
        await_(lambda: len([line for line in self.log(*runs) if line["held"]]) >= count, f"{count} to be held")
        return [line for line in self.log(*runs) if line["held"]]

    def release(self) -> None:
        """Let go what is held, and what will come there."""
        (self.folder / "open").touch()

    def actor(self, name: str) -> Any:
        """Return the only living actor of a class: its ``pid`` and ``node_id``."""
        (found,) = self.actors(name)
        return found

    def actors(self, name: str) -> list[Any]:
        """Return the living actors of a class."""
        alive = list_actors(self.cluster.address, filters=[("state", "=", "ALIVE")], detail=True)
        return [actor for actor in alive if name in actor.class_name]

    def ended(self, process: int) -> None:
        """Wait until a process is gone."""
        await_(lambda: not Path(f"/proc/{process}").exists(), f"process {process} to end")


def await_(true: Callable[[], Any], what: str, seconds: float = 200) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def patiently(start: Callable[[], T]) -> T:
    """Start a node; Ray gives one up after half a minute, which a busy machine may need for its processes."""
    for _ in range(4):
        try:
            return start()
        except Exception as error:  # Ray has no kind of its own for it
            if not any(words in str(error) for words in ("timed out during startup", "dashboard.log")):
                raise
    return start()


def mark(run: Run) -> str:
    """Return what a run's epochs are noted under."""
    return configuration.digest(configuration.flatten(run.settings, stateless=False), run.seed)


def _plugin(folder: Path) -> None:
    """Install the faulty method as another package would."""
    about = folder / "faulty-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("faulty.py"), folder)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[kgprism.methods]\nfaulty = faulty:Faulty\n")


@pytest.fixture(scope="session")
def machine(sessions: ExitStack) -> Iterator[Nodes]:
    """Ray's processes that these tests share, below a short path: a socket's has at most 107 bytes."""
    sessions.close()  # that of other tests
    folder = Path(tempfile.mkdtemp(prefix="kgn-"))
    _plugin(folder / "plugin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KGPRISM_HOME", str(folder / "home"))
        patch.setenv("KGPRISM_FAULTS", str(folder))
        # Ray notes there which cluster was started last: other sessions of this machine are not to find ours.
        patch.setenv("RAY_TMPDIR", str(folder))
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([str(folder / "plugin"), *filter(None, [os.environ.get("PYTHONPATH")])])
        )
        patch.setenv("RAY_worker_niceness", "0")  # by Ray's own, other tests would starve these
        # A killed node refuses at once, fifteen times running; a busy one still has ten seconds for each answer. With
        # Ray's five, a connection of the head that is lost for one second ends it, and pytest with it.
        patch.setenv("RAY_health_check_period_ms", "200")
        patch.setenv("RAY_health_check_failure_threshold", "15")
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.syspath_prepend(folder / "plugin")
        # The State API, without which Ray Train leaves placement groups behind, comes with the dashboard.
        head = {
            "num_cpus": 0,
            "include_dashboard": True,
            "dashboard_port": None,
            "object_store_memory": 2**27,
            "memory": 2**27,
        }
        cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
        try:
            with session(cluster.address):
                yield Nodes(cluster, folder)
        finally:
            cluster.shutdown()
            sys.modules.pop("faulty", None)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def nodes(machine: Nodes, nothing_left: Callable[[], None]) -> Iterator[Nodes]:
    """Three nodes of two CPUs and one GPU; at the end of the test nothing may be left on them."""
    for name in ("log", "open"):
        (machine.folder / name).unlink(missing_ok=True)
    machine.complete()
    yield machine
    machine.release()
    nothing_left()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def tiny() -> dict[str, Any]:
    return TINY


@pytest.fixture
def planned() -> Callable[..., Run]:
    """Plan a run of the faulty method on toy data."""

    def make(seed: int = 0, fault: str = "", **settings: Any) -> Run:
        return plan("faulty", toy.aligned(), seed, {**TINY, "fault": fault, **settings})

    return make


@pytest.fixture
def carry(store: Store) -> Callable[..., dict[str, str]]:
    """Carry runs out into the test's store."""

    def carried(*runs: Run, **options: Any) -> dict[str, str]:
        cells = [Cell("whole", "toy", 0.2, run.seed, run) for run in runs]
        return carry_out(cells, {"toy": toy.aligned()}, options.pop("store", store), **options)

    return carried


@pytest.fixture
def meanwhile(nodes: Nodes) -> Callable[..., AbstractContextManager[None]]:
    """Do something in another thread during a block; what is held is let go at its end, however it ends."""

    @contextmanager
    def at_once(act: Callable[[], None]) -> Iterator[None]:
        def then_release() -> None:
            try:
                act()
            finally:
                nodes.release()

        with ThreadPoolExecutor(1) as pool:
            acted = pool.submit(then_release)
            yield
            acted.result()

    return at_once
