"""``kgprism ablate``: a suite's grid on Ray, then its table."""

from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion, tuning
from kgprism.platform.cli.commands.report import evaluate_again, print_and_keep
from kgprism.platform.cli.options import (
    Cpus,
    Gpus,
    Json,
    Pack,
    Preset,
    Protocols,
    Selected,
    Sets,
    Workers,
    known_file,
    known_protocol,
    known_selection,
)
from kgprism.platform.cli.plans import refused_told, show_plan, summary
from kgprism.platform.cli.progress import Board, headline, news_of, number
from kgprism.platform.cli.running import command, on_ray
from kgprism.platform.cli.screen import complain, tell
from kgprism.platform.home import refuse_unwritable

if TYPE_CHECKING:
    from kgprism.platform.studies.execution.events import Event, Listener
    from kgprism.platform.studies.fair.rows import Search
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.cells import Cell
    from kgprism.platform.studies.suites.suite import Suite

#: Seconds after which no other row is compared before a start; `kgprism inspect` compares all.
PATIENCE = 60.0


def ablate(
    suite: Annotated[
        str, typer.Argument(help="A shipped suite, or the path of a YAML file.", autocompletion=completion.suites)
    ],
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", "-d", help="Instead of the suite's own.", autocompletion=completion.datasets),
    ] = None,
    variants: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these rows.", autocompletion=completion.variants)
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="N", help="How many; adaptive:3-10: more than 3 only where a difference is undecided."),
    ] = None,
    preset: Preset = None,
    sets: Sets = None,
    workers: Workers = 1,
    cpus: Cpus = 1.0,
    gpus: Gpus = None,
    pack: Pack = False,
    select: Selected = None,
    protocol: Protocols = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be run, and start nothing.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Start nothing where a row does nothing: see kgprism inspect.")
    ] = False,
    no_tuning: Annotated[
        bool, typer.Option("--no-tuning", help="Only the rows as they are, of a suite that tunes each by itself.")
    ] = False,
    json: Json = False,
) -> None:
    """Run every variant of a suite that is not finished yet, and print the table beside the published numbers.

    What --set names wins over a row's own number or word. Rows are left alone, and named, where it is the part that
    they are about, where they have no such setting, or where it would make two rows one.
    """
    from kgprism.platform.configuration import parse

    known_file("kgprism.ablations", suite)
    shown, word = known_selection(select) if select else None, known_protocol(protocol, select, None)
    rows, overrides = variants.split(",") if variants is not None else None, parse(sets or [])
    from kgprism.platform.studies.execution import finished
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.asked import Asked
    from kgprism.platform.studies.suites.suite import read

    chosen, store = read(suite), Store()
    tuned, where = chosen.tuning.wanted and not no_tuning, Asked.of(chosen, preset, overrides)
    settled: dict[str, Any] = {"overrides": overrides, "preset": preset, "called": suite}
    wanted = settled | {"data": dataset, "rows": rows, "seeds": seeds, "select": shown, "command": command()}
    basis = "" if plan or strict or tuned else finished.basis_of(chosen, wanted, dataset or chosen.grid.dataset)
    if known := finished.recall(where.folder, basis, store):
        for line in [*known[1], *chain(*_inspected(chosen, known[0], {}, store, suite)[:2])]:
            tell(line)
        _carry_out(known[0], {}, store, {"events": where.events})
        evaluate_again(chosen, where)
        print_and_keep(chosen, shown, "json" if json else "text", word, asked=where, called=suite)
        return
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.execution import adaptive
    from kgprism.platform.studies.execution.rehearsal import refusals, startable
    from kgprism.platform.studies.inspection.overlaps import keep_overlaps
    from kgprism.platform.studies.suites import cells as grid
    from kgprism.platform.studies.suites.manifest import save_manifest

    many = adaptive.Seeds.parse(seeds)
    # What is asked for by name must be there; of the suite's own data, what is there is run.
    named = {name: datasets.load(name) for name in dataset or ()}
    data, absent = (named, []) if named else datasets.at_hand(chosen.grid.dataset)
    every = grid.expand(chosen, data, variants=rows, seeds=many.most, overrides=overrides, preset=preset)
    cells = adaptive.asked(chosen, every, store, many, shown)
    before = [*absent, *grid.left_alone(chosen, cells, overrides, preset=preset)]
    before += adaptive.without_base(chosen, every, many)
    searches = _searches(chosen, cells, data, workers, settled) if tuned else _untuned(chosen, suite)
    if not plan:
        refuse_unwritable()
    idle, also, built = _inspected(chosen, cells, data, store, suite)
    left = [*before, *idle, *also]
    if plan:
        if many.adaptive:
            left.append(f"at most {len(every)} cells: more seeds only for rows still undecided")
        left += tuning.planned(searches) if searches else []
        show_plan(cells, refusals(cells, data, store, built), store, json, left, searches)
    if plan or (strict and idle):
        for line in [] if plan else idle:
            complain(line)
        raise typer.Exit(int(strict and bool(idle)))
    resources: dict[str, Any] = {"workers": workers, "cpus_per_run": cpus, "gpus": gpus, "pack": pack}
    failures: dict[str, str] = {}
    for line in left:
        tell(line)
    keep_overlaps(cells, data, store.folder.parent / "inspections")
    begun, ran = 0, list["Cell"]()
    while more := cells[begun:]:
        able, refused = startable(more, data, store)
        for line in refused_told(more, refused):
            tell(line)
        manifest = save_manifest(where.folder, chosen, more, command=command(), **settled)
        ran += able
        failures |= _carry_out(able, data, store, resources | {"events": where.events})
        begun, cells = len(cells), adaptive.asked(chosen, every, store, many, shown)
        if added := len(cells) - begun:
            tell(f"{added} more cells, of rows whose differences are undecided")
    if tuned and ran:
        from kgprism.platform.studies.fair.tuning import Tuning

        searches = _searches(chosen, ran, data, workers, settled)
        rows_tuned = Tuning.begun(chosen, searches, store, where.folder, manifest)
        again = resources | {"events": where.folder / "tuned"}
        failures |= tuning.tune_rows(rows_tuned, cpus, gpus, lambda some: _carry_out(some, data, store, dict(again)))
    if len(ran) == len(cells) and not failures:
        finished.remember(where.folder, basis, cells, before)
    evaluate_again(chosen, where, data)
    print_and_keep(chosen, shown, "json" if json else "text", word, asked=where, called=suite)
    for run_id, reason in failures.items():
        tell(f"run {run_id} failed: {reason}")
    if failures:
        raise typer.Exit(1)


def _searches(
    suite: "Suite", cells: list["Cell"], datasets: dict[str, Any], workers: int, settled: dict[str, Any]
) -> list["Search"]:
    from kgprism.platform.studies.fair.rows import searches

    tuning.refuse_workers(workers)
    return searches(suite, cells, datasets, **settled)


def _untuned(suite: "Suite", called: str) -> list["Search"]:
    """Check what a suite that has switched its tuning off says of it all the same; nothing is searched."""
    if not suite.tuning.wanted and (suite.tuning.keys or suite.tuning.params):
        from kgprism.platform.studies.fair.keys import refuse_unknown

        refuse_unknown(suite, called)
    return []


def _inspected(
    suite: "Suite", cells: list["Cell"], datasets: dict[str, Any], store: "Store", called: str
) -> tuple[list[str], list[str], set[tuple[str, str]]]:
    """Compare rows with their bases while runs are left.

    Returns which do nothing, what else is to be known, and the rows that could be built of their dataset.
    """
    from kgprism.platform.studies.inspection import inspection

    seconds = PATIENCE if any(not store.has(cell.run.id) for cell in cells) else 0.0
    found, without = inspection.inspect(
        suite, cells, datasets, listener=lambda row: tell(f"comparing {row} with its base"), seconds=seconds
    )
    idle = [f"{row} on {name} does nothing at first: {why}" for (row, name), why in inspection.inert(found).items()]
    more = [f"{row} on {name}: {line}" for (row, name), one in found.items() if not one.inert for line in one.remarks]
    if without and seconds:
        here = " ".join(["", *(f"--dataset {name}" for name in datasets if name in {place for _, place in without})])
        more.append(
            f"{len(without)} rows were not compared with their bases (no more is begun after {seconds:.0f} s): "
            f"kgprism inspect {called}{here}"
        )
    # With several seed ratios one of them may leave too few pairs.
    alike = len({cell.seed_ratio for cell in cells}) == 1
    built = {place for row, name in found for place in ((row, name), (suite.base_of(row), name)) if alike}
    return idle, more, built


def _carry_out(
    cells: list["Cell"], datasets: dict[str, Any], store: "Store", options: dict[str, Any]
) -> dict[str, str]:
    from kgprism.platform.studies.execution.events import by_run, reuse
    from kgprism.platform.studies.suites.cells import forecast as forecast_of

    forecast = forecast_of(cells, store)
    tell(summary(forecast))
    if not forecast.remaining:  # there is nothing to load and start Ray for
        with Board("runs", forecast.runs) as board:
            reuse(by_run(cells), store, options["events"], _listener(board, store))
        return {}
    from kgprism.platform.cluster.resources import refuse_impossible
    from kgprism.platform.cluster.session import gpus_each
    from kgprism.platform.studies.execution.ablation import carry_out

    devices = [cell.run.configuration["train.device"] for cell in cells]
    asked = {"cpus": options["cpus_per_run"], "gpus": options["gpus"], "workers": options["workers"]}
    refuse_impossible(devices, **asked)
    with on_ray(), Board("runs", forecast.runs) as board:
        options["gpus_per_run"] = gpus_each(options.pop("gpus"))
        return carry_out(cells, datasets, store, **options, listener=_listener(board, store))


def _listener(board: Board, store: "Store") -> "Listener":
    from kgprism.platform.studies.store.progress import resumed_epoch

    def listen(event: "Event") -> None:
        first, kind = event.cells[0], event.kind
        run_id, label = first.run.id, _label(first)
        if kind == "started":
            board.start(run_id, label, int(first.run.configuration["train.epochs"]), resumed_epoch(store, run_id))
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
