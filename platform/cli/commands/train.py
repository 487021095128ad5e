"""``kgprism train``: one run, through Ray Train, kept in the store."""

from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Gpus, Json, Preset, Sets, Workers, known_method
from kgprism.platform.cli.progress import Board, headline, news_of
from kgprism.platform.cli.running import on_ray, point_to_tensorboard
from kgprism.platform.cli.screen import say, show_json, show_table, tell
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.home import home, refuse_unwritable

if TYPE_CHECKING:
    from kgprism.platform.configuration import Overrides
    from kgprism.platform.data.graph import Dataset
    from kgprism.platform.studies.store.record import Record
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.recipe import Recipe
    from kgprism.platform.training.run import Run


def train(
    method: Annotated[
        str | None,
        typer.Argument(
            help="A name from `kgprism methods list`; without, with --config.", autocompletion=completion.methods
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="A name from `kgprism data list`.", autocompletion=completion.datasets),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Method, dataset, preset, seed and settings from a file that `kgprism tune` or `kgprism runs show RUN "
            "--config` has written; other options change them.",
        ),
    ] = None,
    preset: Preset = None,
    sets: Sets = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, max=2**32 - 1, help="0 by default.")] = None,
    workers: Workers = 1,
    gpus: Gpus = None,
    json: Json = False,
) -> None:
    """Train a method on a dataset and judge it; a run that is finished already is only shown."""
    from kgprism.platform.configuration import parse

    overrides = parse(sets or [])
    recipe = _recipe(config, method, {"dataset": dataset, "preset": preset, "seed": seed}, overrides)
    from kgprism.platform.studies.suites.recipe import load_dataset

    data = load_dataset(recipe, config if dataset is None else None)
    method, dataset, preset = recipe.method, recipe.dataset, recipe.preset
    from kgprism.platform.cluster.resources import refuse_impossible
    from kgprism.platform.method import load
    from kgprism.platform.studies.store.ownership import in_turn
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.training.run import plan

    run = plan(method, data, recipe.seed, recipe.set, overrides, preset=preset)
    store = Store()
    folder = home() / "studies" / "train" / "tensorboard" / dataset / f"{method}-{preset or 'defaults'}" / run.id
    record = store.read(run.id)
    if record:
        tell(f"run {run.id} is finished already ({record.finished})")
    else:
        refuse_unwritable()
        completion.remember(method, load(method))
        refuse_impossible([run.configuration["train.device"]], gpus=gpus, workers=workers)
        with in_turn(store, run.id, partial(tell, f"run {run.id}: another process carries it out, waiting ...")):
            record = store.read(run.id) or _carry_out(run, data, store, folder, workers, gpus)
    from kgprism.platform.studies.reports.board import tensorboard

    tensorboard.write_run(folder, record)
    tensorboard.write_columns(home() / "studies" / "train" / "tensorboard", store)
    if json:
        show_json(plain(record) | {"tensorboard": str(folder)})
    else:
        _show(record, folder)


def _recipe(file: Path | None, method: str | None, given: dict[str, Any], overrides: "Overrides") -> "Recipe":
    """Return what is asked for, but for `overrides`; what the command line changes of a file is told.

    Raises:
        ConfigurationError: what is unknown, missing, or does not fit the file.
    """
    if file is None:
        if method is None:
            raise ConfigurationError("METHOD is missing: a name from `kgprism methods list`, or --config FILE")
        known_method(method)
        if given["dataset"] is None:
            raise ConfigurationError("--dataset is missing: a name from `kgprism data list`")
    from kgprism.platform.studies.suites.recipe import Recipe, differences, read

    told = {key: value for key, value in given.items() if value is not None}
    if file is None:
        return Recipe.model_validate(told | {"method": method})
    recipe = read(file)
    for line in differences(recipe, method, told, overrides):
        tell(line)
    return recipe.model_copy(update=told)


def _carry_out(run: "Run", data: "Dataset", store: "Store", folder: Path, workers: int, gpus: float | None) -> "Record":
    from kgprism.platform.cluster.session import gpus_each
    from kgprism.platform.files import explain_full_disk
    from kgprism.platform.studies.reports.board.tensorboard import Live
    from kgprism.platform.studies.store.progress import Noting, resumed_epoch
    from kgprism.platform.training.trainer import fit

    for note in run.notes:
        tell(note)
    epochs = int(run.configuration["train.epochs"])
    with on_ray(), explain_full_disk(store.folder), ExitStack() as stack:
        board, live = (
            stack.enter_context(Board(f"{run.method} on {run.dataset}", 1)),
            stack.enter_context(Live(folder, run.id)),
        )
        board.start(run.id, f"run {run.id}", epochs, resumed_epoch(store, run.id))

        def listen(row: dict[str, float]) -> bool:
            epoch, news = int(row["epoch"]), news_of(row)
            board.step(run.id, epoch, news)
            if headline(row, "test") is not None:
                board.note(f"epoch {epoch}/{epochs}  {news}")
            return live(row)

        each = gpus_each(gpus)
        noting, folder = Noting(store, run, listen), store.partial(run.id)
        outcome = fit(run, data, folder=folder, workers=workers, gpus_per_worker=each, listener=noting)
        record = store.write(run, outcome)
        board.end(run.id, f"{outcome.stopped} after {outcome.seconds:.1f} s")
    return record


def plain(record: "Record") -> dict[str, Any]:
    """Return a stored run as values that JSON knows."""
    return asdict(record)


def _show(record: "Record", folder: Path) -> None:
    from kgprism.platform.method import load
    from kgprism.platform.settings import DIRECTIONS, HEADLINES, SELECTIONS
    from kgprism.platform.studies.reports.words import TITLES

    ways = DIRECTIONS[load(record.method).task]
    places = [("valid", ways[0], "mrr"), *(("test", way, name) for way in ways[:2] for name in HEADLINES)]
    head = [f"{split} {way} {TITLES[name]}" for split, way, name in places]
    chosen = [(select, record.selections[select]) for select in SELECTIONS if select in record.selections]
    rows = [
        (select, int(found["epoch"]), *(found["metrics"].get("/".join(place)) for place in places))
        for select, found in chosen
    ]
    title = f"{record.method} on {record.dataset}, seed {record.seed}"
    show_table(("select", "epoch", *head), rows, title=title)
    for note in record.notes:
        say(note)
    say(f"run {record.id}: {record.stopped}, {record.seconds:.1f} s, {record.folder}")
    point_to_tensorboard(folder)
