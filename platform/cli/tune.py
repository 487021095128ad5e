"""``kgprism tune``: an Optuna search on Ray Tune."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli.options import Cpus, Gpus, Json, Preset, Sets, known_file
from kgprism.platform.cli.progress import Board, number
from kgprism.platform.cli.running import on_ray, point_to_tensorboard
from kgprism.platform.cli.screen import say, show_json, show_table, tell
from kgprism.platform.home import home

if TYPE_CHECKING:
    from kgprism.platform.data.graph import Dataset
    from kgprism.platform.studies.searcher import Progress
    from kgprism.platform.studies.space import Objective
    from kgprism.platform.studies.store import Store
    from kgprism.platform.studies.sweep import Sweep


def tune(
    space: Annotated[str, typer.Argument(help="A shipped search space, or the path of a YAML file.")],
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="A name from `kgprism data list`.")],
    trials: Annotated[int | None, typer.Option(min=1, help="Configurations in all, earlier ones included.")] = None,
    storage: Annotated[str | None, typer.Option(metavar="URL", help="An Optuna storage instead of a file.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an earlier search, and stop if there is none.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    preset: Preset = None,
    sets: Sets = None,
    cpus: Cpus = 1.0,
    gpus: Gpus = None,
    concurrent: Annotated[int | None, typer.Option(min=1, help="Trials at the same time; as many as fit.")] = None,
    json: Json = False,
) -> None:
    """Search for the best settings of a method on held-out pairs; every finished trial is a run in the store."""
    from kgprism.platform.configuration import parse

    known_file("kgprism.search_spaces", space)
    overrides = parse(sets or [])
    from kgprism.platform.data import catalogue

    data = catalogue.load(dataset)
    options: dict[str, Any] = {"overrides": overrides, "trials": trials, "storage": storage, "seed": seed}
    options |= {
        "resume": resume,
        "preset": preset,
        "cpus_per_trial": cpus,
        "gpus": gpus,
        "concurrent": concurrent,
    }
    _search(space, data, json, options)


def _search(space: str, data: "Dataset", json: bool, options: dict[str, Any]) -> None:
    """Check everything that can be checked, then start Ray."""
    from kgprism.platform.studies.session import gpus_each
    from kgprism.platform.studies.space import read
    from kgprism.platform.studies.store import Store
    from kgprism.platform.studies.sweep import run_sweep
    from kgprism.platform.training.run import plan

    chosen = read(space)
    run = plan(chosen.method, data, options["seed"], options["overrides"], preset=options["preset"] or chosen.preset)
    for note in run.notes:
        tell(note)
    with on_ray(), Board("trials", options["trials"] or chosen.search.trials) as board:
        listener = _listener(board, int(run.configuration["train.epochs"]))
        options["gpus_per_trial"] = gpus_each(options.pop("gpus"))
        sweep = run_sweep(chosen, data, store=Store(), listener=listener, **options)
    events = home() / "studies" / chosen.space / "tensorboard" / sweep.study_name
    _draw(sweep, Store(), events)
    _show(sweep, chosen.objective, json)
    if not json:
        point_to_tensorboard(events)


def _draw(sweep: "Sweep", store: "Store", events: Path) -> None:
    """Write every finished trial's curves and hyper-parameters; a stopped one left none."""
    from kgprism.platform.studies.tensorboard import write_run

    for trial in sweep.trials.to_dict("records"):
        record = store.read(str(trial.get("user_attrs_run")))
        if record:
            write_run(events / f"trial-{trial['number']}", record)


def _listener(board: Board, epochs: int) -> Any:
    def listen(progress: "Progress") -> None:
        key, label = str(progress.trial), f"trial {progress.trial}"
        if progress.state == "started":
            board.start(key, label, int(progress.overrides.get("train.epochs", epochs)))
        elif progress.state == "running":
            board.step(key, progress.epoch or 0, f"best {number(progress.value)}")
        else:
            at = f" at epoch {progress.epoch}" if progress.epoch else ""
            reason = f": {progress.reason}" if progress.reason else ""
            board.end(key, f"{label}: {progress.state}{at}, best {number(progress.value)}{reason}")

    return listen


def _show(sweep: "Sweep", objective: "Objective", json: bool) -> None:
    frame = sweep.trials
    if json:
        best = None if sweep.best is None else {"run": sweep.best.id, "selections": dict(sweep.best.selections)}
        plain: dict[str, Any] = {
            "study": sweep.study_name,
            "storage": sweep.storage,
            "best": best,
            "overrides": dict(sweep.overrides),
        }
        plain |= {"trials": frame.to_dict("records"), "errors": list(sweep.errors)}
        show_json(plain)
        return
    ordered = frame.sort_values("value", ascending=objective.mode == "min", na_position="last").head(10)
    rows = [(str(t.number), t.state.lower(), None if t.value != t.value else t.value) for t in ordered.itertuples()]
    show_table(("trial", "state", objective.metric), rows, title=f"Best of {len(frame)} trials")
    if sweep.best is None:
        say("no trial was completed")
    else:
        say(f"best run {sweep.best.id}:")
        for key, value in sweep.overrides.items():
            say(f"  --set {key}={value}")
    for error in sweep.errors:
        tell(error.splitlines()[0])
    say(f"optuna-dashboard {sweep.storage}   # study {sweep.study_name}")
