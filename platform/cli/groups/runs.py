"""``kgprism runs``: what is in the store, what of it is whole, and how it goes."""

import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json, Select, age, known_selection, one_of
from kgprism.platform.cli.screen import agreed, say, show_columns, show_json, show_table, tell
from kgprism.platform.errors import ConfigurationError, KgprismError, first_line

if TYPE_CHECKING:
    from kgprism.platform.studies.store.listing import Entry
    from kgprism.platform.studies.store.record import Record

app = typer.Typer(help="Runs in the store: list, show, diff, verify, import, gc, rm.", no_args_is_help=True)

_STATES = ("finished", "running", "failed", "partial", "damaged")
#: Lines that are told of one damaged run.
_TOLD = 4
_HELP = "A run's identity, or how it begins."
Name = Annotated[str, typer.Argument(metavar="RUN", help=_HELP, autocompletion=completion.runs)]
First = Annotated[str, typer.Argument(metavar="A", help=_HELP, autocompletion=completion.runs)]
Second = Annotated[str, typer.Argument(metavar="B", help=_HELP, autocompletion=completion.runs)]
Suite = Annotated[str | None, typer.Option("--suite", help="Of this suite.", autocompletion=completion.suites)]
Method = Annotated[str | None, typer.Option("--method", help="Of this method.", autocompletion=completion.methods)]
Dataset = Annotated[
    str | None, typer.Option("--dataset", "-d", help="On this dataset.", autocompletion=completion.datasets)
]
Of = Annotated[
    str | None,
    typer.Option(
        "--state", metavar="WORD", help=f"One of {', '.join(_STATES)}.", autocompletion=completion.among(_STATES)
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_runs(
    suite: Suite = None, method: Method = None, dataset: Dataset = None, state: Of = None, json: Json = False
) -> None:
    """List runs, finished or not, the last one last; MRR is that of the test split at the epoch that a run picked."""
    found = _chosen(suite, method, dataset, state)
    if json:
        show_json([asdict(entry) for entry in found])
        return
    columns = ("run", "state", "method", "dataset", "seed", "MRR", "seconds", "finished", "")
    rows = [
        (
            *(entry.id, entry.state, entry.method, entry.dataset, "" if entry.seed is None else str(entry.seed)),
            "" if entry.mrr is None else f"{entry.mrr:.3f}",
            "" if entry.seconds is None else f"{entry.seconds:.0f}",
            *(entry.finished[:16].replace("T", " "), entry.told),
        )
        for entry in found
    ]
    show_columns(columns, rows)
    counts: Counter[str] = Counter(entry.state for entry in found)
    tell(", ".join(f"{counts[word]} {word}" for word in _STATES if counts[word]) or "no runs")


@app.command()
def show(
    run: Name,
    config: Annotated[
        bool, typer.Option("--config", help="Print it as a file for `kgprism train --config FILE`, and nothing else.")
    ] = False,
    json: Json = False,
) -> None:
    """Show a run: its numbers, its settings, on which data and machine and with which code and packages it was made."""
    from kgprism.platform.studies.store.listing import find
    from kgprism.platform.studies.store.progress import unfinished
    from kgprism.platform.studies.store.runs import Store

    store = Store()
    run_id = find(store, run)
    record = store.read(run_id)
    if config and json:
        raise ConfigurationError("--config and --json: choose one")
    if config:
        _show_recipe(store.find(run_id))
        return
    if record is None:
        status = unfinished(store, run_id)
        progress = status.progress.model_dump() if status.progress else None
        if json:
            show_json({"id": run_id, "state": status.state, "told": str(status), "progress": progress})
        else:
            say(f"run {run_id}: {status}")
        return
    if json:
        show_json(asdict(record))
        return
    _show_numbers(record)
    show_table(("setting", "value"), [(key, _word(value)) for key, value in record.configuration.items()])
    show_table(("made with", ""), [(key, _word(value)) for key, value in _facts(record).items()])
    for note in record.notes:
        say(f"- {note}")
    say(f"run {record.id}: {record.stopped}, {record.seconds:.1f} s, {record.folder}")


@app.command()
def diff(a: First, b: Second, select: Select = "valid", json: Json = False) -> None:
    """Show in what two finished runs differ: settings, data, code, packages, machine, and by how much their numbers."""
    chosen = known_selection(select)
    from kgprism.platform.studies.store.comparison import differences, metrics
    from kgprism.platform.studies.store.runs import Store

    store = Store()
    left, right = store.find(a), store.find(b)
    found, numbers = differences(left, right), metrics(left, right, chosen)
    if json:
        show_json({"a": left.id, "b": right.id, "differences": [asdict(one) for one in found], "metrics": numbers})
        return
    if found:
        rows = [  # a slot's null part is called none: what is not there at all is not
            (one.part, one.key, *("—" if side is None else _word(side) for side in (one.left, one.right)))
            for one in found
        ]
        show_table(("what", "key", left.id, right.id), rows)
    else:
        say("no difference in settings, data, code, packages and machine")
    if numbers:
        each = [(name, one, other, other - one) for name, (one, other) in numbers.items() if name.startswith("test/")]
        show_table((f"select={select}", left.id, right.id, "difference"), each)
    else:
        say(f"no number at select={select} that both have")


@app.command()
def verify(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help=f"{_HELP} All, if none is named.")
    ] = None,
    json: Json = False,
) -> None:
    """Read all of every finished run, compare sums and numbers; what is wrong is told and left. Exit code 1 then."""
    from kgprism.platform.studies.store.listing import entries, find
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.store.verification import problems

    store = Store()
    whole = [entry.id for entry in entries(store) if entry.state in ("finished", "damaged")]
    chosen = [find(store, word) for word in runs] if runs else whole
    if begun := sorted(set(chosen) - set(whole)):
        raise ConfigurationError(f"run {begun[0]} is not finished: there is nothing to verify")
    found = {run_id: wrong for run_id in chosen if (wrong := problems(store.folder / run_id))}
    if json:
        show_json({"verified": len(chosen), "damaged": found})
    for run_id, lines in found.items() if not json else ():
        for line in lines[:_TOLD]:
            say(f"{run_id}: {line}")
        if len(lines) > _TOLD:
            say(f"{run_id}: and {len(lines) - _TOLD} lines more (--json has all)")
    tell(f"{len(chosen)} run{'s' * (len(chosen) != 1)} verified, {len(found)} damaged")
    if found:
        raise typer.Exit(1)


@app.command("import")
def import_runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Another home, or its folder `runs`.")],
    json: Json = False,
) -> None:
    """Copy another store's finished runs; those that are here are left, damaged ones are named. Exit code 1 then."""
    from kgprism.platform.home import refuse_unwritable
    from kgprism.platform.studies.store.merging import merge, opened
    from kgprism.platform.studies.store.runs import Store

    store = Store()
    other = opened(folder, store)
    refuse_unwritable()
    found = list(merge(store, other))
    counts = Counter(one.what for one in found)
    if json:
        show_json([asdict(one) for one in found])
    else:
        for one in found:
            if one.what == "damaged":
                say(f"{one.id}: damaged, left out: {one.told}")
        say(", ".join(f"{number} {what}" for what, number in counts.items()))
    if counts["damaged"]:
        raise typer.Exit(1)


@app.command()
def gc(
    older: Annotated[
        str, typer.Option("--older", metavar="AGE", help="Partial or damaged runs not touched for so long: 12h, 7d.")
    ] = "7d",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove old partial runs, those of finished runs, old ones that were damaged or half written; it asks first."""
    seconds = age("--older", older)
    from kgprism.platform.studies.store.cleaning import remove, waste
    from kgprism.platform.studies.store.runs import Store

    store = Store()
    found = waste(store, time.time() - seconds)
    kinds = {kind: [one for one in found if one.kind == kind] for kind in dict.fromkeys(one.kind for one in found)}
    for kind, each in kinds.items():
        tell(f"{len(each)} {kind}: {_size(sum(one.size for one in each))}")
    if found:
        agreed(f"Remove these {len(found)} below {store.folder}?", yes)
    freed = remove(store, found)
    if json:
        told: list[dict[str, Any]] = [asdict(one) | {"path": str(one.path)} for one in found]
        show_json({"removed": told, "bytes": freed})
    else:
        say(f"freed {_size(freed)}" if found else "nothing to remove")


@app.command("rm")
def remove_named(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help=_HELP, autocompletion=completion.runs)],
    yes: Yes = False,
) -> None:
    """Remove runs, finished or not; whoever asks for them again makes them anew. Refused while a process makes one."""
    from kgprism.platform.studies.store.cleaning import remove_runs
    from kgprism.platform.studies.store.listing import find
    from kgprism.platform.studies.store.runs import Store

    store = Store()
    ids = list(dict.fromkeys(find(store, word) for word in runs))
    remove_runs(store, ids, ask=lambda: agreed(f"Remove {', '.join(ids)} below {store.folder}?", yes))
    say(f"removed {', '.join(ids)}")


def _chosen(suite: str | None, method: str | None, dataset: str | None, state: str | None) -> list["Entry"]:
    """Return the runs that all filters let through, those without an end first, then in the order of their ends."""
    if state is not None:
        one_of("--state", state, _STATES)
    from kgprism.platform.studies.store.listing import entries
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.reading.members import members

    asked = members(suite) if suite else None
    wanted = {"method": method, "dataset": dataset, "state": state}
    found = [
        entry
        for entry in entries(Store())
        if (asked is None or entry.id in asked)
        and all(word is None or getattr(entry, key) == word for key, word in wanted.items())
    ]
    return sorted(found, key=lambda entry: entry.finished)


def _show_recipe(record: "Record") -> None:
    """Print what makes a run again; where code or data are others by now, that is told."""
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.suites.recipe import Recipe

    recipe = Recipe.of(record, record.configuration)
    say(recipe.text(f"run {record.id}, finished {record.finished}").rstrip("\n"))
    try:
        same = recipe.makes(record.id, datasets.load(record.dataset))
    except KgprismError as error:
        tell(first_line(error))
        return
    if not same:
        tell(f"code or data have changed since run {record.id}: this makes another run")


def _show_numbers(record: "Record") -> None:
    from kgprism.platform.settings import HEADLINES, METRICS, SELECTIONS

    names = [name for chosen in record.selections.values() for name in chosen["metrics"] if name.startswith("test/")]
    ways = list(dict.fromkeys(name.split("/")[1] for name in names))
    places = [(way, name) for way in ways for name in HEADLINES]
    rows = [
        (select, chosen["epoch"], *(chosen["metrics"].get(f"test/{way}/{name}") for way, name in places))
        for select in SELECTIONS
        if (chosen := record.selections.get(select))
    ]
    head = ["select", "epoch", *(f"{way} {METRICS[name].title}" for way, name in places)]
    show_table(head, rows, title=f"{record.method} on {record.dataset}, seed {record.seed}")


def _facts(record: "Record") -> dict[str, Any]:
    facts: dict[str, Any] = {"data": record.fingerprint, **{f"code {key}": word for key, word in record.code.items()}}
    facts |= {"finished": record.finished, "seconds": f"{record.seconds:.1f}"}
    facts |= {} if record.cpu_seconds is None else {"CPU seconds": f"{record.cpu_seconds:.1f}"}
    return facts | {"peak memory": _size(record.peak_bytes)} | dict(record.machine) | dict(record.packages)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"
