"""One folder for TensorBoard: names that can be read, what is gone goes, and the columns of all are one experiment."""

from pathlib import Path

from tensorboard.plugins.hparams import api_pb2 as api
from tensorboard.plugins.hparams.metadata import parse_experiment_plugin_data
from torch.utils.tensorboard import SummaryWriter

from kgprism.platform.studies.reports.board import hparams
from kgprism.platform.studies.reports.board.arranged import COLUMNS, arrange, told_apart


def infos(experiment: api.Experiment) -> dict[str, api.HParamInfo]:
    return {info.name: info for info in experiment.hparam_infos}


def column(name: str, *words: str, low: float = 0.0, high: float = 0.0) -> api.HParamInfo:
    info = api.HParamInfo(name=name, type=api.DATA_TYPE_STRING if words else api.DATA_TYPE_FLOAT64)
    if words:
        info.domain_discrete.extend(words)
    else:
        info.domain_interval.min_value, info.domain_interval.max_value = low, high
    return info


def write(folder: Path, *columns: api.HParamInfo, metric: str) -> None:
    experiment = api.Experiment(hparam_infos=columns, metric_infos=[api.MetricInfo(name=api.MetricName(tag=metric))])
    with SummaryWriter(str(folder / COLUMNS)) as writer:
        writer.file_writer.add_summary(hparams.merged([experiment]))


def links(view: Path) -> set[str]:
    return {str(path.relative_to(view)) for path in view.rglob("*") if path.is_symlink()}


def test_all_is_there_by_its_name_and_the_columns_are_one(tmp_path: Path) -> None:
    suite, space, view = tmp_path / "suite", tmp_path / "space", tmp_path / "view"
    for folder in (suite / "toy" / "full", suite / ".lock", space / "first" / "trial-000 x=1"):
        folder.mkdir(parents=True)
    write(suite, column("variant", "full", "sum"), column("seed", low=1, high=2), column("odd", "a"), metric="mrr")
    write(space / "first", column("variant", "other"), column("seed", low=0, high=1), column("odd"), metric="value")
    events = told_apart([("small --set a/b=1", suite), ("space", space), ("space", tmp_path / "nowhere")])
    assert list(events) == ["small --set a_b=1", "space", "space-2"]
    for _ in range(2):
        arrange(view, events)
        assert links(view) == {"small --set a_b=1/toy", "space/first/trial-000 x=1"}
        (file,) = (view / COLUMNS).iterdir()
    (found,) = _experiments(file)
    assert {info.name.tag for info in found.metric_infos} == {"mrr", "value"}
    columns = infos(found)
    # A name with words here and numbers there cannot be sorted.
    assert set(columns) == {"variant", "seed"}
    assert list(columns["variant"].domain_discrete) == ["full", "other", "sum"]
    interval = columns["seed"].domain_interval
    assert (interval.min_value, interval.max_value, columns["seed"].differs) == (0, 2, True)
    arrange(view, {"space": space})
    assert links(view) == {"space/first/trial-000 x=1"}


def _experiments(file: Path) -> list[api.Experiment]:
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    values = [value for event in LegacyEventFileLoader(str(file)).Load() for value in event.summary.value]
    return [parse_experiment_plugin_data(value.metadata.plugin_data.content) for value in values]
