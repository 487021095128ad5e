"""Times in words."""


def duration(seconds: float) -> str:
    """Write a time: ``50 s``, ``12 min``, ``3 h 05 min``."""
    minutes = round(seconds / 60)
    if seconds < 99:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 99 else f"{minutes // 60} h {minutes % 60:02} min"
