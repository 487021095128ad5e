"""What `kgprism ablate` says of the runs of a suite before they are begun."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from kgprism.platform.cli import tuning
from kgprism.platform.cli.screen import say, show_json, show_table

if TYPE_CHECKING:
    from kgprism.platform.studies.fair.rows import Search
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.cells import Cell, Forecast


def summary(forecast: "Forecast") -> str:
    """Return how many runs are left, and how long they take."""
    time = "" if not forecast.seconds else f", about {forecast.seconds:.0f} s one after the other"
    left = f"{forecast.finished} finished, {forecast.remaining} to run{time}"
    return f"{forecast.cells} cells, {forecast.runs} runs: {left}"


def refused_told(cells: list["Cell"], refused: Mapping[str, str]) -> list[str]:
    """Return a line for each reason why runs cannot start, with the rows that it keeps from it."""
    rows: dict[str, dict[str, None]] = {}
    for cell in cells:
        if cell.run.id in refused:
            rows.setdefault(f"{cell.dataset}: {refused[cell.run.id]}", {})[cell.variant] = None
    return [f"cannot run on {reason} ({', '.join(found)})" for reason, found in rows.items()]


def show_plan(
    cells: list["Cell"],
    refused: Mapping[str, str],
    store: "Store",
    json: bool,
    left: list[str],
    searches: list["Search"],
) -> None:
    """Print what would be run; `left` is what is told besides."""
    from kgprism.platform.studies.store.progress import status
    from kgprism.platform.studies.suites.cells import forecast as forecast_of

    runs = {cell.run.id for cell in cells}
    found = {run_id: status(store, run_id) for run_id in runs - refused.keys()}
    states = {run_id: str(state) for run_id, state in found.items()} | dict.fromkeys(refused, "cannot run")
    forecast = forecast_of([cell for cell in cells if cell.run.id not in refused], store)
    shared = Counter(cell.run.id for cell in cells)
    head = ("variant", "dataset", "seed_ratio", "seed", "run", "state")
    rows = [
        (
            *(cell.variant, cell.dataset, cell.seed_ratio, str(cell.seed), cell.run.id),
            states[cell.run.id] + (" (shared)" if shared[cell.run.id] > 1 else ""),
        )
        for cell in cells
    ]
    if json:
        plain = [dict(zip(head, row, strict=True)) for row in rows]
        told = {"forecast": asdict(forecast), "cells": plain, "cannot_run": dict(refused), "left_out": left}
        show_json(told | ({"tuning": tuning.plain(searches)} if searches else {}))
        return
    show_table(head, rows)
    say(summary(forecast) + (f"; {len(refused)} more cannot run" if refused else ""))
    notes = (note for cell in cells for note in cell.run.notes)
    for note in dict.fromkeys([*left, *refused_told(cells, refused), *notes]):
        say(note)
