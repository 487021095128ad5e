"""``kgprism train``: one run, through Ray Train, kept in the store."""

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli.options import Gpus, Json, Preset, Sets, Workers, known_method
from kgprism.platform.cli.progress import Board, headline, news_of
from kgprism.platform.cli.running import on_ray, point_to_tensorboard
from kgprism.platform.cli.screen import say, show_json, show_table, tell
from kgprism.platform.home import home

if TYPE_CHECKING:
    from kgprism.platform.data.graph import Dataset
    from kgprism.platform.studies.store import Record, Store
    from kgprism.platform.training.run import Run


def train(
    method: Annotated[str, typer.Argument(help="A name from `kgprism methods list`.")],
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="A name from `kgprism data list`.")],
    preset: Preset = None,
    sets: Sets = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    workers: Workers = 1,
    gpus: Gpus = None,
    json: Json = False,
) -> None:
    """Train a method on a dataset and judge it; a run that is finished already is only shown."""
    from kgprism.platform.configuration import parse

    known_method(method)
    overrides = parse(sets or [])
    from kgprism.platform.data import catalogue

    data = catalogue.load(dataset)
    from kgprism.platform.studies.store import Store
    from kgprism.platform.training.run import plan

    run = plan(method, data, seed, overrides, preset=preset)
    store = Store()
    folder = home() / "studies" / "train" / "tensorboard" / dataset / f"{method}-{preset or 'defaults'}" / run.id
    record = store.read(run.id)
    if record:
        tell(f"run {run.id} is finished already ({record.finished})")
    else:
        record = _carry_out(run, data, store, folder, workers, gpus)
    from kgprism.platform.studies import tensorboard

    tensorboard.write_run(folder, record)
    if json:
        show_json(plain(record) | {"tensorboard": str(folder)})
    else:
        _show(record, folder)


def _carry_out(run: "Run", data: "Dataset", store: "Store", folder: Path, workers: int, gpus: float | None) -> "Record":
    from kgprism.platform.studies.session import gpus_each
    from kgprism.platform.studies.tensorboard import Live
    from kgprism.platform.training.trainer import fit

    for note in run.notes:
        tell(note)
    epochs = int(run.configuration["train.epochs"])
    with on_ray(), ExitStack() as stack:
        board, live = stack.enter_context(Board(f"{run.method} on {run.dataset}", 1)), stack.enter_context(Live(folder))
        board.start(run.id, f"run {run.id}", epochs)

        def listen(row: dict[str, float]) -> bool:
            epoch, news = int(row["epoch"]), news_of(row)
            board.step(run.id, epoch, news)
            if headline(row, "test") is not None:
                board.note(f"epoch {epoch}/{epochs}  {news}")
            return live(row)

        each = gpus_each(gpus)
        outcome = fit(run, data, folder=store.partial(run.id), workers=workers, gpus_per_worker=each, listener=listen)
        record = store.write(run, outcome)
        board.end(run.id, f"{outcome.stopped} after {outcome.seconds:.1f} s")
    return record


def plain(record: "Record") -> dict[str, Any]:
    """Return a stored run as values that JSON knows."""
    return asdict(record)


def _show(record: "Record", folder: Path) -> None:
    from kgprism.platform.method import load
    from kgprism.platform.settings import DIRECTIONS, SELECTIONS
    from kgprism.platform.studies.words import TITLES

    names = ("hits_at_1", "hits_at_10", "mrr")
    ways = DIRECTIONS[load(record.method).task]
    places = [("valid", ways[0], "mrr"), *(("test", way, name) for way in ways[:2] for name in names)]
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
