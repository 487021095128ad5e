"""One Ray session: started once, datasets put once, runs carried out where Ray places them."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any

import ray
from ray.exceptions import RayError

from kgprism.platform.cluster.address import names_cluster, trouble
from kgprism.platform.data.graph import Dataset, dataset_of
from kgprism.platform.errors import RunError, first_line
from kgprism.platform.home import home

#: How often Ray is started before a loaded machine is given up.
TRIES = 3
#: Whether the session of this process is that of a cluster.
_joined: list[Any] = []


class StartError(RunError):
    """Ray does not start or cannot be reached: ``why``, and in ``advice`` what to do."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(f"Ray does not start: {why}; {advice}")
        self.why, self.advice = why, advice


@contextmanager
def session(address: str | None = None, num_cpus: int | None = None) -> Iterator[None]:
    """Connect to Ray, or start it on this machine; an already running session is used and left running.

    The dashboard stays on: without its State API, early-stopped nested trainers leak placement groups.

    Raises:
        StartError: if Ray cannot be reached or started.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Seconds; by Ray Train's own two, a short run waits longer for its end than it takes.
    interval = os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    variables = {"KGPRISM_HOME": str(home()), "RAY_TRAIN_V2_ENABLED": "1"}
    environment = {"env_vars": variables | {"RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": interval}}
    address = address or os.environ.get("RAY_ADDRESS")
    if found := trouble(address):
        raise StartError(*found)
    _joined[:] = [address or names_cluster()]
    local: dict[str, Any] = {} if address else {"num_cpus": num_cpus, "include_dashboard": True}
    _begin(address=address, runtime_env=environment, log_to_driver=False, logging_level=logging.ERROR, **local)
    try:
        yield
    finally:
        _joined.clear()
        ray.shutdown()


def may_grow() -> bool:
    """Tell whether the session, or the one that would be joined, is a cluster's: what it lacks may still come."""
    return any(_joined) or names_cluster()


def _begin(**options: Any) -> None:
    """Start Ray or connect to it; where a loaded machine is too slow for Ray's patience, once more and once more."""
    for left in reversed(range(TRIES)):
        with _Try() as tried:
            ray.init(**options)
        if tried.error is None:
            return
        if not (left and _late(tried.error)):
            raise StartError(*_told(tried.error)) from None


class _Try:
    """Keeps the error of its block; what a start of Ray does not end of passes.

    No ``except``: that a node did not come up in time is a bare `Exception`, and nothing else is.
    """

    error: BaseException | None = None

    def __enter__(self) -> "_Try":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if type(error) is Exception or isinstance(error, OSError | RuntimeError | ValueError | RayError):
            self.error = error
        return self.error is not None


def _late(error: BaseException) -> bool:
    return any(words in str(error) for words in ("timed out", "TimedOut", "overloaded"))


def _told(error: BaseException) -> tuple[str, str]:
    """Return in one line what a start ended of, and what to do about it."""
    why = first_line(error)
    if "AF_UNIX path length" in why:
        return "the path of its folder is too long for sockets", "export RAY_TMPDIR=/tmp, or another short folder"
    if _late(error):
        return (
            f"timed out {TRIES} times",
            "this machine is too busy: start it again when there is less to do (`uptime`)",
        )
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", "RAY_TMPDIR names another folder for what Ray writes"
    if "Version mismatch" in why:
        return " ".join(str(error).split()), "install what the cluster has: pip install -c constraints.txt -e ."
    return why.rstrip("."), "`ray stop` ends old sessions, `kgprism doctor` looks at this machine"


def share(dataset: Dataset) -> ray.ObjectRef:
    """Put a dataset into the object store as NumPy arrays: one copy a node, read by every trial without copying."""
    return ray.put((dataset.name, dataset.arrays(), dataset.fingerprint))


@lru_cache(maxsize=1)
def shared(reference: ray.ObjectRef) -> Dataset:
    """Return the dataset behind a reference, in a worker; unpacked once, as processes are reused from run to run."""
    name, arrays, fingerprint = ray.get(reference)
    dataset = dataset_of(name, arrays)
    # What the property would compute once more, of arrays that nobody can write to.
    vars(dataset)["fingerprint"] = fingerprint
    return dataset


def gpus_each(asked: float | None) -> float:
    """Return the GPUs of one process: what was asked for, else one where the session has any now."""
    return asked if asked is not None else float(min(1.0, ray.cluster_resources().get("GPU", 0.0)))
