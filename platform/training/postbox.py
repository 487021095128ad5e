"""What carries rows from a run to whoever looks on. Its process loads this file, so it imports next to nothing."""


class Mailbox:
    """Rows from the first worker to the driver, and the wish to stop back; an actor of its own."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.stop = False

    def put(self, row: dict[str, float]) -> bool:
        """Leave a row; return whether to stop."""
        self.rows.append(row)
        return self.stop

    def take(self) -> list[dict[str, float]]:
        """Return the rows left since the last call."""
        rows, self.rows = self.rows, []
        return rows

    def halt(self) -> None:
        """Ask the run to stop after its current epoch."""
        self.stop = True
