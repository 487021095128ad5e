"""TensorBoard's HPARAMS: a row a run, and the columns of all runs below one folder."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2 as api
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG, NULL_TENSOR, create_summary_metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard.summary import hparams

from kgprism.platform.settings import HEADLINES
from kgprism.platform.studies.reports.board.folders import FORM
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store

#: What has a column even where it is the same in all runs.
_ABOUT = ("method", "dataset", "seed")
#: What a search compares its trials by, and what became of each.
VALUE, STATE = "trial/value", "state"


def shown(root: Path, store: Store) -> list[Record]:
    """Return the finished runs whose event files lie below a folder, each once."""
    ids = {name[-2] for file in root.rglob(f"events.*.{FORM}") if len(name := file.name.split(".")) > 2}
    return [record for run_id in sorted(ids) if (record := store.read(run_id))]


def settings(record: Record) -> dict[str, str | float]:
    """Return what a run's row has; none has no place there, as TensorBoard sorts no words among numbers."""
    plain = {"method": record.method, "dataset": record.dataset, "seed": record.seed, **record.configuration}
    return {key: _plain(value) for key, value in plain.items() if value is not None}


def metrics(record: Record, only: str | None = None) -> dict[str, float]:
    """Return the headlines at each selected epoch, or one, such as ``selected/valid/mrr``; curves hold all others."""
    tested = f"test/{record.configuration.get('eval.direction')}"
    return {
        f"selected/{select}/{name}": chosen["metrics"][f"{tested}/{name}"]
        for select, chosen in record.selections.items()
        for name in HEADLINES
        if f"{tested}/{name}" in chosen["metrics"] and only in (None, select)
    }


def row(record: Record, labels: Mapping[str, str]) -> list[Summary]:
    """Return what makes a run a row, without columns: TensorBoard takes those of one run for all that there are."""
    _, *session = hparams(settings(record) | dict(labels), metrics(record))
    return session


def trial(drawn: Mapping[str, Any], state: str) -> list[Summary]:
    """Return what makes a trial without a result a row: what was drawn for it."""
    plain = {key: _plain(value) for key, value in drawn.items() if value is not None}
    _, *session = hparams(plain | {STATE: state}, {})
    return session


def columns(
    records: Iterable[Record],
    labels: Mapping[str, Iterable[str]],
    trials: Iterable[Mapping[str, Any]] | None = None,
) -> Summary:
    """Return the columns of all these runs: what they are, and the settings in which they differ.

    `labels` are the words that their rows have besides; `trials`, of a search, what was drawn for those without result.
    """
    records, drawn = list(records), list(trials or ())
    values: dict[str, list[str | float]] = {key: list(words) for key, words in labels.items()}
    names: dict[str, None] = {} if trials is None else {VALUE: None}
    shown = {*_ABOUT, *_differing(records)}
    for known in drawn:
        for key, value in known.items():
            if value is not None:
                values.setdefault(key, []).append(_plain(value))
        shown |= known.keys()
    for record in records:
        for key, value in settings(record).items():
            if key in shown:
                values.setdefault(key, []).append(value)
        names |= dict.fromkeys(metrics(record))
    found = [info for key, listed in values.items() if (info := _column(key, listed))]
    measured = [api.MetricInfo(name=api.MetricName(tag=name), display_name=name) for name in names]
    return _experiment(found, measured)


def merged(experiments: Iterable[api.Experiment]) -> Summary:
    """Return the columns of several experiments as one; of a name with words here and numbers there, none."""
    found: dict[str, api.HParamInfo | None] = {}
    measured: dict[str, api.MetricInfo] = {}
    for experiment in experiments:
        for info in experiment.hparam_infos:
            found[info.name] = _joined(found[info.name], info) if info.name in found else info
        measured |= {info.name.tag: info for info in experiment.metric_infos}
    return _experiment([info for info in found.values() if info], list(measured.values()))


def _joined(one: api.HParamInfo | None, other: api.HParamInfo) -> api.HParamInfo | None:
    if one is None or one.type != other.type:
        return None
    info = api.HParamInfo(name=one.name, type=one.type)
    if words := sorted({str(word.string_value) for side in (one, other) for word in side.domain_discrete.values}):
        info.domain_discrete.extend(words)
    ends = [side.domain_interval for side in (one, other) if side.HasField("domain_interval")]
    if ends:
        info.domain_interval.min_value = min(end.min_value for end in ends)
        info.domain_interval.max_value = max(end.max_value for end in ends)
    low_high = {end for side in ends for end in (side.min_value, side.max_value)}
    info.differs = one.differs or other.differs or len(words) > 1 or len(low_high) > 1
    return info


def _experiment(infos: list[api.HParamInfo], metrics: list[api.MetricInfo]) -> Summary:
    content = HParamsPluginData(experiment=api.Experiment(hparam_infos=infos, metric_infos=metrics))
    value = Summary.Value(tag=EXPERIMENT_TAG, metadata=create_summary_metadata(content), tensor=NULL_TENSOR)
    return Summary(value=[value])


def _differing(records: Iterable[Record]) -> set[str]:
    """Return the settings of which there are several values, none among them, in the runs that have them."""
    values: dict[str, set[str]] = {}
    for record in records:
        for key, value in record.configuration.items():
            values.setdefault(key, set()).add(json.dumps(value, sort_keys=True))
    return {key for key, several in values.items() if len(several) > 1}


def _column(key: str, values: list[str | float]) -> api.HParamInfo | None:
    """Return one column; none where some values are words and some are numbers, which cannot be sorted."""
    words = sorted({value for value in values if isinstance(value, str)})
    numbers = {float(value) for value in values if not isinstance(value, str)}
    if words and numbers:
        return None
    info = api.HParamInfo(name=key, type=api.DATA_TYPE_STRING if words else api.DATA_TYPE_FLOAT64)
    if words:
        info.domain_discrete.extend(words)
    elif finite := [number for number in numbers if math.isfinite(number)]:
        info.domain_interval.min_value, info.domain_interval.max_value = min(finite), max(finite)
    info.differs = len(words) + len(numbers) > 1
    return info


def _plain(value: Any) -> str | float:
    """Return a value that the view knows."""
    return value if isinstance(value, str | int | float) else str(value)
