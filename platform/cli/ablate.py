"""``kgprism ablate``: a suite's grid on Ray, then its table."""

from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli.options import (
    Cpus,
    Gpus,
    Json,
    Pack,
    Preset,
    Select,
    Sets,
    Workers,
    known_file,
    known_selection,
)
from kgprism.platform.cli.progress import Board, headline, news_of, number
from kgprism.platform.cli.report import finish
from kgprism.platform.cli.running import command, on_ray
from kgprism.platform.cli.screen import say, show_json, show_table, tell
from kgprism.platform.home import home

if TYPE_CHECKING:
    from kgprism.platform.studies.ablation import Event, Listener
    from kgprism.platform.studies.cells import Cell, Forecast
    from kgprism.platform.studies.store import Store


def ablate(
    suite: Annotated[str, typer.Argument(help="A shipped suite, or the path of a YAML file.")],
    dataset: Annotated[list[str] | None, typer.Option("--dataset", "-d", help="Instead of the suite's own.")] = None,
    variants: Annotated[str | None, typer.Option(metavar="A,B", help="Only these rows.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many seeds.")] = None,
    preset: Preset = None,
    sets: Sets = None,
    workers: Workers = 1,
    cpus: Cpus = 1.0,
    gpus: Gpus = None,
    pack: Pack = False,
    select: Select = "valid",
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be run, and start nothing.")] = False,
    json: Json = False,
) -> None:
    """Run every variant of a suite that is not finished yet, and print the table beside the published numbers."""
    from kgprism.platform.configuration import parse

    known_file("kgprism.ablations", suite)
    known_selection(select)
    rows, overrides = variants.split(",") if variants else None, parse(sets or [])
    from kgprism.platform.data import catalogue
    from kgprism.platform.studies import cells as grid
    from kgprism.platform.studies.store import Store
    from kgprism.platform.studies.suite import read

    chosen, store = read(suite), Store()
    datasets = {name: catalogue.load(name) for name in dataset or chosen.grid.dataset}
    cells = grid.expand(chosen, datasets, variants=rows, seeds=seeds, overrides=overrides, preset=preset)
    if plan:
        _show_plan(cells, store, json)
        return
    folder = home() / "studies" / chosen.suite
    grid.keep(folder, chosen, cells, overrides=overrides, preset=preset, command=command())
    resources: dict[str, Any] = {"workers": workers, "cpus_per_run": cpus, "gpus": gpus, "pack": pack}
    failures = _carry_out(cells, datasets, store, resources | {"events": folder / "tensorboard"})
    finish(chosen, select, "json" if json else "text")
    for run_id, reason in failures.items():
        tell(f"run {run_id} failed: {reason}")
    if failures:
        raise typer.Exit(1)


def _carry_out(
    cells: list["Cell"], datasets: dict[str, Any], store: "Store", options: dict[str, Any]
) -> dict[str, str]:
    from kgprism.platform.studies.ablation import carry_out
    from kgprism.platform.studies.cells import forecast as forecast_of
    from kgprism.platform.studies.session import gpus_each

    forecast = forecast_of(cells, store)
    tell(_summary(forecast))
    # Where everything is finished there is nothing to start Ray for.
    with on_ray() if forecast.remaining else nullcontext(), Board("runs", forecast.runs) as board:
        gpus = options.pop("gpus")
        options["gpus_per_run"] = gpus_each(gpus) if forecast.remaining else 0.0
        return carry_out(cells, datasets, store, **options, listener=_listener(board, store))


def _listener(board: Board, store: "Store") -> "Listener":
    def listen(event: "Event") -> None:
        first, kind = event.cells[0], event.kind
        run_id, label = first.run.id, _label(first)
        if kind == "started":
            board.start(run_id, label, int(first.run.configuration["train.epochs"]))
        elif kind == "epoch" and event.row:
            board.step(run_id, int(event.row["epoch"]), news_of(event.row))
        elif kind == "waiting":
            board.note(f"{label}: waits, {event.reason}")
        elif kind == "retried":
            board.note(f"{label}: again, {event.reason}")
        elif kind == "failed":
            board.end(run_id, f"{label}: failed: {event.reason}")
        elif kind in ("reused", "finished"):
            record = store.read(run_id)
            found = headline(record.selections["last"]["metrics"], "test") if record else None
            took = f"{record.seconds:.1f} s" if record and kind == "finished" else "finished before"
            board.end(run_id, f"{label}: test mrr {number(found)} at the last epoch, {took}")

    return listen


def _label(cell: "Cell") -> str:
    ratio = "" if cell.seed_ratio is None else f" {cell.seed_ratio:g}"
    return f"{cell.variant} {cell.dataset}{ratio} seed {cell.seed}"


def _summary(forecast: "Forecast") -> str:
    time = "" if forecast.seconds is None else f", about {forecast.seconds:.0f} s one after the other"
    left = f"{forecast.finished} finished, {forecast.remaining} to run{time}"
    return f"{forecast.cells} cells, {forecast.runs} runs: {left}"


def _show_plan(cells: list["Cell"], store: "Store", json: bool) -> None:
    from kgprism.platform.studies.cells import forecast as forecast_of

    forecast = forecast_of(cells, store)
    shared = Counter(cell.run.id for cell in cells)
    head = ("variant", "dataset", "seed_ratio", "seed", "run", "state")
    rows = [
        (
            *(cell.variant, cell.dataset, cell.seed_ratio, str(cell.seed), cell.run.id),
            ("finished" if store.has(cell.run.id) else "to run") + (" (shared)" if shared[cell.run.id] > 1 else ""),
        )
        for cell in cells
    ]
    if json:
        show_json({"forecast": asdict(forecast), "cells": [dict(zip(head, row, strict=True)) for row in rows]})
    else:
        show_table(head, rows)
        say(_summary(forecast))
        for note in dict.fromkeys(note for cell in cells for note in cell.run.notes):
            say(note)
