"""One Ray session: started once, datasets put once, runs carried out where Ray places them."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from kgprism.platform.data.graph import Dataset, dataset_of
from kgprism.platform.home import home


@contextmanager
def session(address: str | None = None, num_cpus: int | None = None) -> Iterator[None]:
    """Connect to Ray, or start it on this machine; an already running session is used and left running.

    The dashboard stays on: without its State API, early-stopped nested trainers leak placement groups.
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
    local: dict[str, Any] = {} if address else {"num_cpus": num_cpus, "include_dashboard": True}
    ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level=logging.ERROR, **local)
    try:
        yield
    finally:
        ray.shutdown()


def share(dataset: Dataset) -> ray.ObjectRef:
    """Put a dataset into the object store as NumPy arrays: one copy a node, read by every trial without copying."""
    return ray.put((dataset.name, dataset.arrays()))


def shared(reference: ray.ObjectRef) -> Dataset:
    """Return the dataset behind a reference, in a worker."""
    name, arrays = ray.get(reference)
    return dataset_of(name, arrays)


def gpus_each(asked: float | None) -> float:
    """Return the GPUs of one process: what was asked for, else one where the session has any now."""
    return asked if asked is not None else float(min(1.0, ray.cluster_resources().get("GPU", 0.0)))
