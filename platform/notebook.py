"""What a notebook calls; none of it prints. Ray is started where it is needed and not there yet."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd

from kgprism.platform.configuration import Overrides, shown
from kgprism.platform.data.catalogue import datasets as catalogue
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset
from kgprism.platform.errors import ConfigurationError, DataError, nearest
from kgprism.platform.home import refuse_unwritable
from kgprism.platform.settings import SELECTIONS
from kgprism.platform.studies.reports.table import Shown, asked_table
from kgprism.platform.studies.store.ownership import in_turn
from kgprism.platform.studies.store.progress import Noting
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.store.varying import varying
from kgprism.platform.studies.suites.asked import Asked
from kgprism.platform.studies.suites.cells import expand, forecast
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import read
from kgprism.platform.training.loop import Listener, quiet
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run, execute, plan

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

    from kgprism.platform.studies.execution import ablation
    from kgprism.platform.studies.search import searcher
    from kgprism.platform.studies.search.sweep import Sweep


def load_dataset(name: str) -> Dataset:
    """Return a dataset by its name in ``kgprism data list``, such as ``toy``.

    Raises:
        DataError: if there is none, saying what to type; or if its files cannot be read.
    """
    if not isinstance(name, str):
        raise DataError(f"expected a dataset's name, see `kgprism data list`, got {type(name).__name__}")
    return catalogue.load(name)


def to_pyg(dataset: str | Dataset) -> "HeteroData":
    """Return a dataset, or the one of that name, as PyTorch Geometric's ``HeteroData``, in memory of its own.

    What stands where in it is told by `from_pyg`, which gives it back with the same fingerprint.

    Raises:
        DataError: if there is none of that name, or for anything but a dataset.
    """
    from kgprism.platform.data import pyg

    return pyg.to_pyg(catalogue.load(dataset) if isinstance(dataset, str) else dataset)


def train(
    method: str,
    dataset: "str | Dataset | HeteroData",
    *,
    preset: str | None = None,
    seed: int = 0,
    overrides: Overrides | None = None,
    workers: int = 1,
    listener: Listener = quiet,
) -> Record:
    """Train a method and judge it; a run that is finished already is only read from the store.

    One worker is this process; more of them train together on Ray. `overrides` has dotted keys, such as
    ``{"train.epochs": 5}``. After every epoch `listener` is called with its row, a dict such as ``{"epoch": 1, "loss":
    4.2, "valid/l2r/mrr": 0.1, ...}``, and stops the run by returning true. ``HeteroData`` is read by `from_pyg`.

    Of the record, ``.metric("valid", "test/l2r/mrr")`` is a number, ``.history()`` a DataFrame of the epochs,
    ``.ranks("valid")`` every test query's rank, and ``.folder`` where all lies.

    Raises:
        ConfigurationError: unknown method, preset or key, a value out of range, or a task that does not fit the data.
        DataError: if there is no such dataset, or ``HeteroData`` lacks something.
        RunError: if a loss is not finite.
    """
    data, store = _data(dataset), Store()
    run = plan(method, data, seed, overrides or {}, preset=preset, source="overrides")
    if record := store.read(run.id):
        return record
    refuse_unwritable()
    if workers > 1:
        _refuse_impossible([run.configuration["train.device"]], workers=workers)
    with in_turn(store, run.id):
        return store.read(run.id) or store.write(run, _carried_out(run, data, store, workers, listener))


def _carried_out(run: Run, data: Dataset, store: Store, workers: int, listener: Listener) -> Outcome:
    folder, listener = store.partial(run.id), Noting(store, run, listener)
    if workers == 1:
        return execute(run, data, folder=folder, listener=listener)
    from kgprism.platform.training.trainer import fit

    with _ray() as each:
        return fit(run, data, folder=folder, workers=workers, gpus_per_worker=each, listener=listener)


def tune(
    space: str,
    dataset: "str | Dataset | HeteroData",
    *,
    trials: int | None = None,
    preset: str | None = None,
    seed: int = 0,
    overrides: Overrides | None = None,
    cpus: float = 1.0,
    gpus: float | None = None,
    name: str | None = None,
    budget: str | None = None,
    listener: "searcher.Listener | None" = None,
) -> "Sweep":
    """Search for a method's best settings on held-out data, on Ray; trials of an earlier start count.

    `space` is a shipped search space or a YAML file; `cpus` and `gpus` are a trial's (none: one GPU if there is any);
    `name` is what Optuna calls the search; after its `budget`, such as ``2h``, no trial starts. The result has
    ``best`` (a stored run), its ``overrides``, a ``command`` to repeat it, ``trials``, a DataFrame, and with several
    objectives ``front``, its rows that none beats in all. ``ended`` says what ended the search before all trials.
    A `listener` is called with whatever happens to a trial: it has ``trial``, ``state`` (started, waiting, epoch,
    running, complete, pruned, failed, repeated), ``overrides``, ``epoch``, ``value``, ``reason`` and, of an epoch, the
    ``row``; without one nothing is told before the end.

    Raises:
        ConfigurationError, DataError: as `train`, and where there is nothing to compare trials by.
    """
    from kgprism.platform.studies.search.request import request
    from kgprism.platform.studies.search.spaces.space import read as read_space
    from kgprism.platform.studies.search.sweep import found_already, search

    chosen, data = read_space(space), _data(dataset)
    run = plan(chosen.method, data, seed, overrides or {}, preset=preset or chosen.preset, source="overrides")
    refuse_unwritable()
    _refuse_impossible([run.configuration["train.device"]], cpus=cpus, gpus=gpus)
    asked: dict[str, Any] = {"trials": trials, "preset": preset, "seed": seed, "overrides": overrides, "name": name}
    asked["budget"] = budget
    wanted, store = request(chosen, data, **asked), Store()
    if through := found_already(wanted, store):
        return through
    with _ray(gpus) as each:
        return search(wanted, store, listener=listener, cpus_per_trial=cpus, gpus_per_trial=each)


def ablate(
    suite: str,
    datasets: str | Iterable[str] | None = None,
    *,
    variants: Iterable[str] | None = None,
    seeds: int | None = None,
    preset: str | None = None,
    overrides: Overrides | None = None,
    cpus: float = 1.0,
    gpus: float | None = None,
    select: str | None = None,
    listener: "ablation.Listener | None" = None,
) -> pd.DataFrame:
    """Run every variant of a suite that is not finished yet, on Ray, and return its `table`.

    `suite` is a shipped suite or a YAML file. A run that fails ends no other: the column ``failures`` says why. Without
    a `listener` nothing is told before the table; it is called with whatever happens to a run, which has ``kind``
    (reused, queued, waiting, started, epoch, finished, failed, retried), ``cells``, an epoch's ``row`` and ``reason``.
    What `overrides` names wins over a row's own number or word, but not where that would undo what makes it a row.
    Rows that a suite would tune by themselves are run as they are: ``kgprism ablate`` tunes them.

    Raises:
        ConfigurationError: an unknown suite, variant or key, or a value out of range.
        DataError: if there is no such dataset; of the suite's own, if none is here.
    """
    chosen, store = read(suite), Store()
    _known("select", select or "valid", SELECTIONS)
    if isinstance(datasets, AlignedGraphs | CompletionGraph):
        raise DataError("datasets: expected names, see `kgprism data list`: a suite's table is about data by its name")
    names = [datasets] if isinstance(datasets, str) else list(datasets or chosen.grid.dataset)
    rows = None if variants is None else list(variants)
    asked: dict[str, Any] = {"preset": preset, "overrides": overrides}
    data = {name: load_dataset(name) for name in names} if datasets else catalogue.at_hand(names)[0]
    cells = expand(chosen, data, variants=rows, seeds=seeds, source="overrides", **asked)
    from kgprism.platform.studies.execution.ablation import carry_out
    from kgprism.platform.studies.execution.rehearsal import startable

    refuse_unwritable()
    able, _ = startable(cells, data, store)
    place = Asked.of(chosen, preset, overrides)
    given = {"datasets": datasets and names, "variants": rows, "seeds": seeds, **asked}
    words = [repr(suite), *(f"{key}={value!r}" for key, value in given.items() if value is not None)]
    told = f"kgprism.ablate({', '.join(words)})"
    save_manifest(place.folder, chosen, cells, command=told, called=suite, **asked)
    remaining = forecast(able, store).remaining
    if remaining:
        _refuse_impossible([cell.run.configuration["train.device"] for cell in able], cpus=cpus, gpus=gpus)
    with _ray(gpus) if remaining else nullcontext(0.0) as each:
        carry_out(able, data, store, cpus_per_run=cpus, gpus_per_run=each, events=place.events, listener=listener)
    return table(suite, select=select, preset=preset, overrides=overrides)


def table(
    suite: str,
    select: str | None = None,
    direction: str | None = None,
    *,
    protocol: str | None = None,
    preset: str | None = None,
    overrides: Overrides | None = None,
) -> pd.DataFrame:
    """Return what a suite has measured so far beside the published numbers, one row a variant, dataset and metric.

    ``measured`` is the mean over ``seeds`` seeds, ``std`` its sample standard deviation, ``delta`` the mean paired
    difference from the row's base, with its 95 % interval ``low`` to ``high`` and ``p``, Holm's over the rows; all as
    ``kgprism report`` shows them: by `select` (valid, best_test or last) and `direction`, or by a `protocol` (paper,
    honest or both), where nothing is said both of a suite that states its paper's. ``paper`` is what that makes of the
    runs, ``honest`` the held-out epoch with both directions and no tie won, ``gap`` the first less the second. In
    ``attrs`` are title, select, direction, notes. `preset` and `overrides` have a table of their own.

    Raises:
        ConfigurationError: an unknown suite, selection, direction or protocol, or a protocol beside one of them.
    """
    chosen = read(suite)
    _known("select", select or "valid", SELECTIONS)
    _known("protocol", protocol or "both", get_args(Shown))
    folder = Asked.of(chosen, preset, overrides).known().folder
    how: dict[str, Any] = {"select": select, "direction": direction, "protocol": protocol}
    made = asked_table(chosen, folder, Store(), called=suite, **how)
    frame = made.frame()
    frame.attrs = {"title": made.title, "select": made.select, "direction": made.direction, "notes": made.notes}
    return frame


def runs(select: str = "valid", keys: str | Iterable[str] | None = None) -> pd.DataFrame:
    """Return the store, one row a finished run, by its id.

    Besides what a run is there are the metrics of the epoch that `select` stored, such as ``test/l2r/mrr``, and the
    configuration's values of `keys`, such as ``train.epochs``; both are missing where a run has none. By default the
    keys are those in which runs of the same method differ, at most 12, with the most values first.

    Raises:
        ConfigurationError: an unknown selection, or a key that no run has.
    """
    _known("select", select, SELECTIONS)
    records = list(Store())
    keys, found = varying(records)[:_MOST] if keys is None else [keys] if isinstance(keys, str) else list(keys), []
    stored = {key for record in records for key in record.configuration}
    for key in keys if records else ():
        if key not in stored:
            raise ConfigurationError(f"keys: no run has {shown(key)}{nearest(str(key), stored)}")
    for record in records:
        row = {name: getattr(record, name) for name in _ABOUT}
        chosen = record.selections.get(select, {"epoch": None, "metrics": {}})
        settings = {key: record.configuration.get(key) for key in keys}
        found.append({**row, **settings, "epoch": chosen["epoch"], **chosen["metrics"]})
    columns = [*_ABOUT, *keys, "epoch"] if not found else None
    return pd.DataFrame(found, columns=columns).set_index("id")


#: What may be missing, and is NaN then.
#: How many keys `runs` shows by itself.
_MOST = 12
_ABOUT = ("id", "method", "dataset", "seed", "stopped", "seconds", "peak_bytes", "finished")


def _data(dataset: "str | Dataset | HeteroData") -> Dataset:
    if isinstance(dataset, AlignedGraphs | CompletionGraph):
        return dataset
    if isinstance(dataset, str):
        return catalogue.load(dataset)
    from torch_geometric.data import HeteroData

    from kgprism.platform.data.pyg import from_pyg

    if not isinstance(dataset, HeteroData):
        what = "a name, what load_dataset returns, or PyTorch Geometric's HeteroData"
        raise DataError(f"dataset: expected {what}, got {type(dataset).__name__}")
    return from_pyg(dataset)


def _known(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise ConfigurationError(f"{what}: unknown word '{word}'{nearest(word, words)}")


def _refuse_impossible(devices: list[str], **asked: Any) -> None:
    from kgprism.platform.cluster.resources import refuse_impossible

    refuse_impossible(devices, **asked)


@contextmanager
def _ray(gpus: float | None = None) -> Iterator[float]:
    """Run a block inside a Ray session, the one that is there or one of its own; give the GPUs of one process."""
    from kgprism.platform.cluster.session import gpus_each, session

    with session():
        yield gpus_each(gpus)
