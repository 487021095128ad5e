"""What carries messages from runs to the driver. Its process loads this file, so it imports next to nothing."""

from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


class Channel:
    """Messages to whoever looks on, and the wish to stop back; an actor of its own."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.stop = False

    def put(self, message: Any) -> bool:
        """Leave a message; return whether to stop."""
        self.messages.append(message)
        return self.stop

    def take(self) -> list[Any]:
        """Return the messages left since the last call."""
        messages, self.messages = self.messages, []
        return messages

    def halt(self) -> None:
        """Ask whoever leaves messages to stop after the next one."""
        self.stop = True


def open_channel() -> Any:
    """Return a channel's actor. It runs beside this process: on another node it could be lost with it."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(Channel).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()
