"""A sum that two processes of a cluster make together: the step that every distributed training repeats."""

import socket
import time
from datetime import timedelta
from typing import Any

import ray
import torch
import torch.distributed as distributed
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from kgprism.platform.cluster.check import Check

NAME = "all-reduce"
#: float32 values: 4 MiB, about the gradients of a small model.
VALUES = 1024**2
_ROUNDS = 5


class Summand:
    """One of the two processes."""

    def place(self) -> str:
        """Return where this process can be met: its node's address and a free port."""
        with socket.socket() as free:
            free.bind(("", 0))
            address = ray.util.get_node_ip_address()
            return f"tcp://{f'[{address}]' if ':' in address else address}:{free.getsockname()[1]}"

    def add(self, place: str, rank: int, seconds: float) -> tuple[float, float]:
        """Sum ``rank + 1`` over both processes; return the result and the seconds of the fastest round."""
        limit = timedelta(seconds=seconds)
        distributed.init_process_group("gloo", init_method=place, rank=rank, world_size=2, timeout=limit)
        took = []
        for _ in range(_ROUNDS):
            values = torch.full((VALUES,), rank + 1.0)
            began = time.perf_counter()
            distributed.all_reduce(values)
            took.append(time.perf_counter() - began)
        result = float(values.sum() / VALUES)
        distributed.destroy_process_group()
        return result, min(took)


def all_reduce(nodes: tuple[str, str], seconds: float = 60.0) -> Check:
    """Let a process on each of two nodes (Ray's ids; may be the same) sum 1 and 2, within `seconds`."""
    kind: Any = ray.remote(Summand)
    # They ask for no CPU: a busy cluster must be able to answer too.
    where = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
    actors = [kind.options(num_cpus=0, scheduling_strategy=strategy).remote() for strategy in where]
    between = "between two nodes" if len(set(nodes)) == 2 else "between two processes of a node"
    try:
        place = ray.get(actors[0].place.remote(), timeout=seconds)
        pending = [actor.add.remote(place, rank, seconds / 2) for rank, actor in enumerate(actors)]
        sums = ray.get(pending, timeout=seconds)
    except (RayError, RuntimeError, OSError) as error:
        advice = "open all ports between the nodes; GLOO_SOCKET_IFNAME names the network where a node has several"
        return Check(NAME, False, f"{between}: {last_line(error)}", advice)
    finally:
        for actor in actors:
            ray.kill(actor)
    result, took = sums[0][0], max(took for _, took in sums)
    found = f"{between}: 4 MiB in {took * 1000:.1f} ms, {4 / took:.0f} MiB/s"
    if any(result != 3.0 for result, _ in sums):
        return Check(NAME, False, f"{between}: 1 + 2 gave {result}", "install the same torch on both nodes")
    return Check(NAME, True, found)


def last_line(error: BaseException) -> str:
    """Return what an error of another process comes down to: the last line of its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
