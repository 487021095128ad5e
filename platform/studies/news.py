"""What carries news from runs to the driver. Its process loads this file, so it imports next to nothing."""

import ray


@ray.remote(num_cpus=0)
class News:
    """Carries what runs tell to the driver: a run's id with a row, without one when the run starts."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, float] | None]] = []

    def tell(self, run_id: str, row: dict[str, float] | None) -> None:
        """Leave a message."""
        self.told.append((run_id, row))

    def take(self) -> list[tuple[str, dict[str, float] | None]]:
        """Return the messages left since the last call."""
        told, self.told = self.told, []
        return told
