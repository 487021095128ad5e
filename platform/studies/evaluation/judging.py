"""Judge the stored weights of a suite's runs again: the method is built as for training, and nothing is trained."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from kgprism.platform import configuration
from kgprism.platform import method as methods
from kgprism.platform.data.catalogue import choice
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import KgprismError, RunError, first_line
from kgprism.platform.settings import METRICS
from kgprism.platform.studies.evaluation.results import WEIGHTS, keep, selected
from kgprism.platform.studies.evaluation.rows import Order
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.tasks.task import Judgement
from kgprism.platform.training.run import Run, built

#: A metric of stored weights may move by this where another machine adds up in another order.
SLACK = 1e-3


def judge_again(
    orders: Iterable[Order],
    datasets: Mapping[str, Dataset],
    store: Store,
    folder: Path,
    listener: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """Carry orders out in this process and keep what comes out; return why some could not be, by run id."""
    failures: dict[str, str] = {}
    for order in orders:
        cell, record = order.cell, store.read(order.cell.run.id)
        if record is None or cell.dataset not in datasets:
            continue
        try:
            _carry_out(order, record, datasets[cell.dataset], folder, listener)
        except (KgprismError, *methods.FAULTS) as error:
            failures[record.id] = first_line(str(error)).removeprefix(f"run {record.id}: ")
    return failures


def judged(record: Record, dataset: Dataset, settings: Mapping[str, Any]) -> Judgement:
    """Judge the test part by a run's stored weights, with some settings other than its own.

    Raises:
        DataError: if a feature set cannot be read.
        RunError: if the data or the code that made the weights are not those that are here.
    """
    kind = methods.load(record.method)
    config: Any = configuration.resolve(kind.Config, record.configuration, settings, source="evaluations")
    dataset = choice.chosen(config, dataset)
    if dataset.fingerprint != record.fingerprint:
        raise RunError(f"{dataset.name} is not what run {record.id} was trained on")
    flat = configuration.flatten(config)
    run = Run(record.method, record.dataset, record.fingerprint, record.seed, flat, record.notes)
    method, task = built(run, dataset)
    _load(method, record)
    method.to(methods.device(config.train.device))
    epoch = int(record.selections[selected(record)]["epoch"]) - 1
    with torch.no_grad():
        # All that the epoch asked of the method, in its order: one whose embeddings are samples counts the calls.
        method.start_epoch(epoch)
        for when in ("before", "after"):
            task.propose(epoch, when, method)
        method.eval()
        counts = {split: task.count(method, split) for split in task.splits}
        return task.judgement("test", counts["test"])


def _carry_out(order: Order, record: Record, dataset: Dataset, folder: Path, listener: Callable[[str], None]) -> None:
    _refuse_other_numbers(record, judged(record, dataset, {}))
    for settings in order.settings:
        told = ", ".join(f"{key}={value}" for key, value in settings.items())
        listener(f"judging {order.cell.variant} on {order.cell.dataset}, seed {record.seed}, again: {told}")
        found = judged(record, dataset, settings)
        metrics = {f"test/{key}": float(value) for key, value in found.metrics.items()}
        keep(folder, record, settings, metrics, found.ranks)


def _refuse_other_numbers(record: Record, found: Judgement) -> None:
    """Refuse weights that do not give the numbers that are stored with them."""
    stored = record.selections[selected(record)]["metrics"]
    fractions = {word for word, metric in METRICS.items() if not metric.lowest}
    for key, value in found.metrics.items():
        before = stored.get(f"test/{key}")
        if before is not None and key.rpartition("/")[2] in fractions and abs(before - value) > SLACK:
            told = f"its weights give {key} {value:.4f} here, stored is {before:.4f}"
            raise RunError(f"run {record.id}: {told}: the code has changed since")


def _load(method: methods.Method, record: Record) -> None:
    """Put stored weights into a method that was just built.

    Raises:
        RunError: if they are not those of this method.
    """
    try:
        stored = load_file(record.folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise RunError(f"run {record.id}: its weights cannot be read: {first_line(error)}") from None
    own = dict(method.named_parameters())
    if {name: value.shape for name, value in stored.items()} != {name: value.shape for name, value in own.items()}:
        raise RunError(f"run {record.id}: its weights are not those of {record.method} as it is here")
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(stored[name])
