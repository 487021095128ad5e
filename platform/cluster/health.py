"""Whether a cluster can do the work, judged from what its machines say; each failing line says what to do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kgprism.platform.cluster.check import Check
from kgprism.platform.cluster.node import Report

#: In seconds. A file younger than two seconds counts as still changing (`data/catalogue/cache.py`): half of that.
SKEW = 1.0
MEMORY, DISK = 2.0, 5.0  # GiB
#: Ray stops spilling objects where its disk is 95 % full (`local_fs_capacity_threshold`).
SPILL = 0.05


@dataclass(frozen=True)
class Clock:
    """How far a machine's clock is ahead, in seconds, known to half of the shortest round trip."""

    ahead: float
    doubt: float


@dataclass(frozen=True)
class Node:
    """A machine of a cluster: what Ray declares, what it says itself, and its clock; `error` if it says nothing."""

    name: str
    gpus: float = 0.0
    report: Report | None = None
    clock: Clock | None = None
    error: str = ""


def judge(nodes: Sequence[Node], here: Mapping[str, str], home: Path) -> Iterator[Check]:
    """Yield one line for what is well everywhere, and one for every machine where something is not.

    `here` are the versions of the machine that asks, `home` is the user's folder.
    """
    for node in nodes:
        if node.report is None:
            advice = "`ray status` on the head; is kgprism installed on it, and is Ray running there?"
            yield Check(f"node {node.name}", False, node.error, advice)
    there = [(node, node.report) for node in nodes if node.report is not None]
    if not there:
        return
    everywhere = f"on {_nodes(len(there))}"
    same = f"the same {everywhere}: ray {here.get('ray')}, torch {here.get('torch')}, code {here.get('code')}"
    yield from _gathered("packages on nodes", same, [_packages(node, report, here) for node, report in there])
    names = [name for _, report in there for name in report.torch]
    seen = ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names)) or "none: runs use the CPU"
    yield from _gathered("GPUs on nodes", seen, [_gpus(node, report) for node, report in there])
    shared = f"{home}, shared and writable {everywhere}"
    yield from _gathered("home on nodes", shared, [_home(node, report, home) for node, report in there])
    clocks = [node.clock for node, _ in there if node.clock]
    most = max((abs(clock.ahead) for clock in clocks), default=0.0)
    yield from _gathered("clocks of nodes", f"at most {most:.3f} s apart", [_clock(node) for node, _ in there])
    least = min(report.memory for _, report in there)
    yield from _gathered(
        "free memory on nodes", f"at least {least:.1f} GiB", [_memory(node, report) for node, report in there]
    )
    least = min(report.disk for _, report in there)
    yield from _gathered(
        "free disk on nodes", f"at least {least:.1f} GiB", [_disk(node, report) for node, report in there]
    )


def _gathered(name: str, well: str, failing: Sequence[Check | None]) -> Iterator[Check]:
    found = [check for check in failing if check]
    yield from found or [Check(name, True, well)]


def _packages(node: Node, report: Report, here: Mapping[str, str]) -> Check | None:
    words = [
        f"{name} {found} (here {here.get(name, 'none')})"
        for name, found in report.versions.items()
        if found != here.get(name, "none")
    ]
    advice = "install the same there: pip install -c constraints.txt -e . ; `ray up cluster.yaml` does it on all nodes"
    return Check(f"packages on {node.name}", False, ", ".join(words), advice) if words else None


def _gpus(node: Node, report: Report) -> Check | None:
    name = f"GPUs on {node.name}"
    counts = f"driver {len(report.driver)}, torch {len(report.torch)}, Ray {node.gpus:g}"
    if len(report.driver) > len(report.torch):
        advice = f"torch {report.versions.get('torch')} there cannot use the driver: install a CUDA build that fits it"
        return Check(name, False, counts, advice)
    if node.gpus > len(report.torch):
        return Check(name, False, counts, "Ray was told of GPUs that are not there: `ray start` without --num-gpus")
    if node.gpus < len(report.torch):
        advice = f"Ray leaves GPUs idle: ray start --num-gpus={len(report.torch)}"
        return Check(name, False, counts, advice)
    return None


def _home(node: Node, report: Report, home: Path) -> Check | None:
    advice = "mount the same storage on all nodes, writable, and set KGPRISM_HOME to it"
    return Check(f"home on {node.name}", False, f"{home} {report.home}", advice) if report.home else None


def _clock(node: Node) -> Check | None:
    if node.clock is None or abs(node.clock.ahead) - node.clock.doubt <= SKEW:
        return None
    found = f"{node.clock.ahead:+.3f} s, known to {node.clock.doubt:.3f} s"
    return Check(f"clock of {node.name}", False, found, "start a time service there: timedatectl set-ntp true")


def _memory(node: Node, report: Report) -> Check | None:
    advice = "end other processes there, or take a larger machine: a run needs 2 GiB and more"
    found = f"{report.memory:.1f} GiB"
    return Check(f"free memory on {node.name}", False, found, advice) if report.memory < MEMORY else None


def _disk(node: Node, report: Report) -> Check | None:
    name, found = f"free disk on {node.name}", f"{report.disk:.1f} GiB at home, {report.spill:.0%} of Ray's disk"
    advice = f"free {DISK:g} GiB at home and {SPILL:.0%} of the disk of Ray's folder (`ray start --temp-dir`)"
    return Check(name, False, found, advice) if report.disk < DISK or report.spill < SPILL else None


def _nodes(count: int) -> str:
    return f"{count} node{'s' if count > 1 else ''}"
