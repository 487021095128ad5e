"""When what is held out is too little to choose an epoch by."""

#: With fewer pairs or triples to choose the epoch by, one of them moves Hits@1 by more than a point.
FEW = 100


def few(name: str, count: int, what: str) -> tuple[str, ...]:
    """Return a line if `count` held-out pairs or triples, but not none, are too few to choose an epoch by."""
    if not 0 < count < FEW:
        return ()
    choose, moves = f"only {count} {what} choose" if count > 1 else f"only one of the {what} chooses", 100 / count
    return (f"{name}: {choose} the epoch (select=valid): one more hit is {moves:.1f} points of Hits@1 there",)
