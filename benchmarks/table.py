"""One plain line a measurement, and how much faster than an earlier one it is."""

from typing import Any

#: Heading, and how a row's value is shown; a column that a row lacks stays empty.
COLUMNS = {
    "wall": ("wall s", "{:.3g}"),
    "cpu": ("CPU s", "{:.3g}"),
    "gflop": ("GFLOP", "{:.4g}"),
    "share": ("of peak", "{:.1%}"),
    "peak_gb": ("peak GB", "{:.2f}"),
    "rate": ("rate", "{:.4g}"),
}


def head(machine: dict[str, Any]) -> str:
    """Return what was measured on."""
    return ", ".join(f"{key} {value}" for key, value in machine.items())


def title(what: str, before: dict[str, Any] | None) -> str:
    """Return the heading of a group."""
    cells = [f"{heading:>9}" for heading, _ in COLUMNS.values()]
    return f"\n{what:48}" + "".join(cells) + ("  old/new" if before else "")


def line(row: dict[str, Any], before: dict[str, Any] | None) -> str:
    """Return one row; behind it its other words, and the old time over the new one."""
    cells = [f"{form.format(row[key]) if row.get(key) is not None else '':>9}" for key, (_, form) in COLUMNS.items()]
    ratio = f"{faster(row, before) or '':>9}" if before else ""
    told = [f"{key} {value:.4g}" for key, value in row.get("terms", {}).items()]
    told += [str(row[key]) for key in ("unit", "note") if key in row]
    return f"{row['name']:48}" + "".join(cells) + ratio + (f"  ({', '.join(told)})" if told else "")


def faster(row: dict[str, Any], before: dict[str, Any]) -> str:
    """Return old / new of the same measurement: of CPU seconds on one thread, else of the wall's."""
    key = "cpu" if row["threads"] == 1 else "wall"
    for old in before["rows"]:
        # A size that did not fit then has no time.
        timed = row.get(key) and isinstance(old.get(key), int | float)
        if timed and all(old.get(word) == row.get(word) for word in ("what", "name", "threads")):
            return f"{old[key] / row[key]:.2f} x"
    return ""
