"""A look at a whole cluster: every node is asked by a process of its own that is pinned to it."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from ray.util.state import list_nodes
from ray.util.state.exception import RayStateApiException

from kgprism.platform.cluster.all_reduce import all_reduce, last_line
from kgprism.platform.cluster.check import Check
from kgprism.platform.cluster.health import Clock, Node, judge
from kgprism.platform.cluster.node import MARK, Report, report, versions
from kgprism.platform.cluster.session import session
from kgprism.platform.errors import RunError
from kgprism.platform.home import home

#: In seconds, for all nodes together: the first process on a node loads torch from a cold disk.
PATIENCE = 90.0
_PINGS = 5


class Inspector:
    """A process on one node."""

    def report(self, probe: str, mark: str, declared_gpus: float) -> Report:
        """Return what this node says of itself."""
        return report(Path(probe), mark, declared_gpus)

    def clock(self) -> float:
        """Return this node's time, in seconds since 1970."""
        return time.time()


def inspect(address: str | None = None) -> Iterator[Check]:
    """Join the cluster at `address`, or start Ray on this machine, and yield what is well and what is not.

    Raises:
        StartError: if Ray cannot be reached or started.
    """
    with session(address):
        alive = [node for node in ray.nodes() if node["Alive"]]
        yield _ray(alive)
        yield _state_api(len(alive))
        yield from judge(examine(alive), versions(), home())
        # Nodes without a CPU only plan; the sum is made where runs are.
        able = [node["NodeID"] for node in alive if node["Resources"].get("CPU")] or [alive[0]["NodeID"]]
        yield all_reduce((able[0], able[-1]))


def examine(alive: list[dict]) -> list[Node]:
    """Ask every node of ``ray.nodes()`` for a report and its time; one that does not answer says so in `error`."""
    names = [node["NodeManagerAddress"] for node in alive]
    ids = [node["NodeID"] for node in alive]
    with _probe() as (folder, mark):
        pinned = [NodeAffinitySchedulingStrategy(name, soft=False) for name in ids]
        kind: Any = ray.remote(Inspector)
        # They ask for no CPU: a busy cluster must be able to answer too.
        actors = [kind.options(num_cpus=0, scheduling_strategy=one).remote() for one in pinned]
        gpus = [float(node["Resources"].get("GPU", 0.0)) for node in alive]
        asked = [actor.report.remote(str(folder), mark, count) for actor, count in zip(actors, gpus, strict=True)]
        ray.wait(asked, num_returns=len(asked), timeout=PATIENCE)
        found = []
        for n, actor in enumerate(actors):
            name = names[n] if names.count(names[n]) == 1 else f"{names[n]}/{ids[n][:6]}"
            try:
                said = ray.get(asked[n], timeout=0)
                found.append(Node(name, gpus[n], said, _clock(actor)))
            except (RayError, TimeoutError) as error:
                found.append(Node(name, gpus[n], error=f"does not answer: {last_line(error)}"))
            ray.kill(actor)
    return found


def _clock(actor: Any) -> Clock:
    """Compare clocks as NTP does: the shortest of several round trips, its middle against the answer."""
    trips = []
    for _ in range(_PINGS):
        began, tick = time.time(), time.perf_counter()
        there = ray.get(actor.clock.remote(), timeout=PATIENCE)
        took = time.perf_counter() - tick
        trips.append(Clock(there - (began + took / 2), took / 2))
    return min(trips, key=lambda clock: clock.doubt)


@contextmanager
def _probe() -> Iterator[tuple[Path, str]]:
    """Lay a marked folder into the user's home and take it away again."""
    mark = uuid4().hex
    folder = home() / f".doctor-{mark[:8]}"
    try:
        folder.mkdir(parents=True)
        (folder / MARK).write_text(mark, encoding="utf-8")
    except OSError as error:
        raise RunError(f"home {home()}: {error.strerror}; set KGPRISM_HOME to a folder that you may write to") from None
    try:
        yield folder, mark
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ray(alive: list[dict]) -> Check:
    total = {word: sum(node["Resources"].get(word, 0.0) for node in alive) for word in ("CPU", "GPU")}
    nodes = f"{len(alive)} node{'s' if len(alive) > 1 else ''}"
    return Check("Ray", True, f"{ray.__version__}, {nodes}, {total['CPU']:g} CPU, {total['GPU']:g} GPU")


def _state_api(expected: int) -> Check:
    """Ask the dashboard, without which early-stopped nested trainers leak placement groups."""
    advice = "start Ray with its dashboard (`pip install 'ray[default]'`, no --include-dashboard=false), see its log"
    try:
        # By its address: another session may be running on this machine.
        here = ray.get_runtime_context().gcs_address
        seen = sum(node.state == "ALIVE" for node in list_nodes(address=here, limit=10_000))
    except (RayStateApiException, OSError, RuntimeError) as error:
        return Check("dashboard", False, f"State API does not answer: {last_line(error)}", advice)
    return Check("dashboard", seen == expected, f"State API answers and knows {seen} of {expected} nodes", advice)
