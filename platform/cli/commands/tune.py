"""``kgprism tune``: an Optuna search on Ray Tune."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Cpus, Gpus, Json, Preset, Sets, known_file
from kgprism.platform.cli.progress import Board, news_of, number
from kgprism.platform.cli.running import on_ray, point_to_tensorboard
from kgprism.platform.cli.screen import say, tell
from kgprism.platform.cli.searches import show_searches, show_sweep
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.home import home, refuse_unwritable

if TYPE_CHECKING:
    from kgprism.platform.studies.execution.events import Event
    from kgprism.platform.studies.search.curves import Curves
    from kgprism.platform.studies.search.request import Request
    from kgprism.platform.studies.search.searcher import TrialNews
    from kgprism.platform.studies.search.sweep import Sweep
    from kgprism.platform.studies.store.runs import Store

#: In place of a space: what there is.
_LIST = "list"


def tune(
    space: Annotated[
        str,
        typer.Argument(
            metavar="SPACE|NAME|list",
            help="A shipped search space, or the path of a YAML file; with --resume and no --dataset, a search's name; "
            "`list`: the searches there are.",
            autocompletion=completion.spaces_and_searches,
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="A name from `kgprism data list`.", autocompletion=completion.datasets),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Configurations in all, earlier ones included.")] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="No trial starts after it, earlier starts included: 90m, 2h, 40 cpu-hours; or none."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What the search is called, here and in Optuna.")
    ] = None,
    storage: Annotated[str | None, typer.Option(metavar="URL", help="An Optuna storage instead of a file.")] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with an earlier search, and stop if there is none; NAME alone is all it needs."
        ),
    ] = False,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="0 by default.")] = None,
    repeats: Annotated[
        str | None,
        typer.Option(
            "--repeats",
            metavar="SEEDSxBEST",
            help="Then the best trials again: 3x5 runs the 5 best with 3 seeds each, and the best mean wins; or none.",
        ),
    ] = None,
    warm: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="NAME[@STORAGE]",
            help="Try the best trials of another search of the method first, those that fit. Can be repeated.",
            autocompletion=completion.searches,
        ),
    ] = None,
    preset: Preset = None,
    sets: Sets = None,
    cpus: Cpus = 1.0,
    gpus: Gpus = None,
    concurrent: Annotated[int | None, typer.Option(min=1, help="Trials at the same time; as many as fit.")] = None,
    json: Json = False,
) -> None:
    """Search for the best settings of a method on held-out pairs; every finished trial is a run in the store."""
    if space == _LIST:
        show_searches(storage, json)
        return
    if resume and dataset is None:
        _refuse_again({"--set": sets, "--preset": preset, "--seed": seed, "--name": name})
        from kgprism.platform.studies.search.listing import found_by_name

        wanted = found_by_name(space, storage, trials, budget)
    else:
        options: dict[str, Any] = {"trials": trials, "name": name, "storage": storage, "budget": budget}
        wanted = _asked(space, dataset, sets or [], options | {"preset": preset, "seed": seed or 0})
    if repeats is not None:
        wanted = _repeating(wanted, repeats)
    if warm:
        wanted = replace(wanted, space=wanted.space.model_copy(update={"warm_start": tuple(warm)}))
    written = None if warm or dataset is None else space
    sweep = _search(wanted, resume, cpus, gpus, concurrent, written)
    show_sweep(sweep, json, _kept(sweep, wanted))
    if not json:
        say(f"its page: {_page(wanted, sweep)}")
        point_to_tensorboard(_events(wanted))
    if sweep.best is None:
        raise typer.Exit(1)


def _refuse_again(options: dict[str, Any]) -> None:
    """Refuse what a search that is gone on with has settled already."""
    for option, given in options.items():
        if given is not None:
            raise ConfigurationError(f"{option} makes another search than the one of that name: name --dataset too")


def _asked(space: str, dataset: str | None, sets: list[str], options: dict[str, Any]) -> "Request":
    """Read what was asked for; whatever is wrong with words is told before torch is loaded."""
    from kgprism.platform.configuration import parse

    if dataset is None:
        raise ConfigurationError("--dataset is missing: a name from `kgprism data list`")
    known_file("kgprism.search_spaces", space)
    overrides = parse(sets)
    from kgprism.platform.data.catalogue import datasets

    data = datasets.load(dataset)
    from kgprism.platform.studies.search.request import request
    from kgprism.platform.studies.search.spaces.space import read

    return request(read(space), data, overrides=overrides, **options)


def _search(
    wanted: "Request", resume: bool, cpus: float, gpus: float | None, concurrent: int | None, written: str | None
) -> "Sweep":
    """Check everything that can be checked, then start Ray; a search that is through needs none.

    `written`: the space's name or file where warm starts stand there.
    """
    from kgprism.platform.cluster.resources import refuse_impossible
    from kgprism.platform.cluster.session import gpus_each
    from kgprism.platform.studies.search.curves import Curves
    from kgprism.platform.studies.search.study import evaluated_already, refuse_impossible_storage
    from kgprism.platform.studies.search.sweep import found_already, search
    from kgprism.platform.studies.store.runs import Store

    for note in wanted.base.notes:
        tell(note)
    store = Store()
    refuse_impossible_storage(wanted.storage)
    sweep = found_already(wanted, store, resume=resume)
    if sweep is None:
        refuse_unwritable()
        refuse_impossible([wanted.base.configuration["train.device"]], cpus=cpus, gpus=gpus)
        before = evaluated_already(wanted.name, wanted.storage)
        _tell_first_points(wanted, before, written)
        if idle := wanted.region.idle(wanted.trials):
            tell(idle)
        with on_ray(), Board("trials", wanted.trials, before) as board, Curves(_events(wanted), store) as curves:
            sweep = search(
                wanted,
                store,
                listener=_listener(board, curves, wanted),
                heard=_heard(board, store, wanted.goal.metric),
                cpus_per_trial=cpus,
                gpus_per_trial=gpus_each(gpus),
                concurrent=concurrent,
            )
    Curves(_events(wanted), store).write(sweep.trials)
    return sweep


def _tell_first_points(wanted: "Request", before: int, written: str | None) -> None:
    """Say what other searches give; a search that has begun has had its first points."""
    from kgprism.platform.studies.search.after.warm_start import warm_starts

    if before and wanted.space.warm_start:
        tell(f"warm start: {wanted.name} has {before} trials already, its first points are behind it")
    elif not before:
        for one in warm_starts(wanted, written):
            tell(str(one))


def _kept(sweep: "Sweep", wanted: "Request") -> Path | None:
    """Write the best trial's settings as a file, and return where; none if there is no best."""
    if not sweep.recipe or not sweep.best:
        return None
    file = home() / "studies" / wanted.space.space / f"{wanted.name}.yaml"
    value = sweep.best.metric("valid", sweep.objective)
    sweep.recipe.write(
        file, f"The best of the search {wanted.name}: run {sweep.best.id}, {sweep.objective} {value:.4f}"
    )
    return file


def _page(wanted: "Request", sweep: "Sweep") -> Path:
    """Write the search's page, and return where."""
    from kgprism.platform.cli.groups.searches import write_page
    from kgprism.platform.studies.search.listing import named

    return write_page(*named(wanted.name, wanted.storage), repeats=sweep.repeats)


def _events(wanted: "Request") -> Path:
    return home() / "studies" / wanted.space.space / "tensorboard" / wanted.name


def _repeating(wanted: "Request", word: str) -> "Request":
    """Return the same search with other repeats."""
    from kgprism.platform.studies.search.spaces.repeats import parse_repeats

    search = wanted.space.search.model_copy(update={"repeats": parse_repeats(word)})
    return replace(wanted, space=wanted.space.model_copy(update={"search": search}))


def _heard(board: Board, store: "Store", objective: str) -> "Callable[[Event], None]":
    from kgprism.platform.studies.store.progress import resumed_epoch

    def hear(event: "Event") -> None:
        cell, run_id = event.cells[0], event.cells[0].run.id
        label = f"{cell.variant} with seed {cell.seed}"
        if event.kind == "queued":
            board.add(1)
        elif event.kind == "started":
            board.start(run_id, label, int(cell.run.configuration["train.epochs"]), resumed_epoch(store, run_id))
        elif event.kind == "epoch" and event.row:
            board.step(run_id, int(event.row["epoch"]), news_of(event.row))
        elif event.kind in ("waiting", "retried"):
            board.note(f"{label}: {event.kind}, {event.reason}")
        elif event.kind == "failed":
            board.end(run_id, f"{label}: failed: {event.reason}")
        elif event.kind == "finished" and (record := store.read(run_id)):
            board.end(run_id, f"{label}: complete, best {number(record.metric('valid', objective))}")

    return hear


def _listener(board: Board, curves: "Curves", wanted: "Request") -> Any:
    epochs = wanted.base.configuration["train.epochs"]

    def listen(news: "TrialNews") -> None:
        key, label = str(news.trial), f"trial {news.trial}"
        if news.state == "started":
            board.start(key, label, int(news.overrides.get("train.epochs", epochs)))
        elif news.state in ("epoch", "running"):
            best = "" if news.value is None else f"best {number(news.value)}"
            board.step(key, news.epoch or 0, best)
        elif news.state == "waiting":
            board.note(f"{label}: waits, {news.reason}")
        elif news.state != "repeated":  # the study is told again what it knows: no trial of its own
            at = f" at epoch {news.epoch}" if news.epoch else ""
            reason = f": {news.reason}" if news.reason else ""
            board.end(key, f"{label}: {news.state}{at}, best {number(news.value)}{reason}")
        curves(news)

    return listen
