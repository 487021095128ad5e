"""TensorBoard's files as TensorBoard reads them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.reports.board import tensorboard
from kgprism.platform.studies.reports.board.folders import cell_folder
from kgprism.platform.studies.reports.board.suite import show
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome


def seen(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in seen(folder).Scalars(name)]


@pytest.fixture
def record(small: Suite, graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome]) -> Record:
    return store.write(expand(small, {"toy": graphs})[0].run, outcome(0.5))


def test_a_cell_has_its_own_folder(small: Suite, graphs: AlignedGraphs, tmp_path: Path) -> None:
    cells: list[Cell] = expand(small, {"toy": graphs})
    folders = [cell_folder(tmp_path, cell) for cell in cells]
    assert len(set(folders)) == len(cells)
    assert folders[0] == tmp_path / "toy-0.2" / "whole" / "seed-7"


def test_a_run_that_resumes_draws_no_epoch_twice(tmp_path: Path) -> None:
    with tensorboard.Live(tmp_path) as live:
        assert live({"epoch": 1.0, "loss": 4.0}) is False
        live({"epoch": 2.0, "loss": 3.0})
        live({"epoch": 3.0, "loss": 9.0})
    with tensorboard.Live(tmp_path) as live:
        live({"epoch": 3.0, "loss": 2.0, "valid/l2r/mrr": 0.5})
    assert curve(tmp_path, "loss") == [(1, 4.0), (2, 3.0), (3, 2.0)]
    assert curve(tmp_path, "valid/l2r/mrr") == [(3, 0.5)]


def test_what_another_configuration_left_does_not_mix_in(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "events" / "seed-7"
    with tensorboard.Live(folder, "1234") as live:
        live({"epoch": 1.0, "loss": 99.0})
        live({"epoch": 2.0, "loss": 99.0})
    with tensorboard.Live(folder, "5678") as live:
        live({"epoch": 1.0, "loss": 4.0})
    assert curve(folder, "loss") == [(1, 4.0)]
    tensorboard.write_run(folder, record)
    with tensorboard.Live(folder, "5678") as live:
        live({"epoch": 2.0, "loss": 3.0})
    assert curve(folder, "loss") == [(2, 3.0)]


def test_a_finished_run_replaces_what_was_live_and_is_drawn_once(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "events" / "seed-7"
    with tensorboard.Live(folder) as live:
        live({"epoch": 1.0, "loss": 99.0})
    for _ in range(2):
        tensorboard.write_run(folder, record, {"variant": "whole"})
    assert curve(folder, "loss") == [(1, 2.0), (2, 1.0)]
    assert curve(folder, "test/l2r/mrr") == [(2, 0.5)]
    assert len(list(folder.iterdir())) == len(list(folder.parent.iterdir())) == 1


def test_hyper_parameters_come_with_final_metrics(record: Record, tmp_path: Path) -> None:
    tensorboard.write_run(tmp_path / "run", record, {"variant": "whole"})
    metadata = seen(tmp_path / "run").summary_metadata
    started = plugin_data_pb2.HParamsPluginData.FromString(
        metadata["_hparams_/session_start_info"].plugin_data.content
    ).session_start_info.hparams
    assert started["variant"].string_value == "whole"
    assert started["data.seed_ratio"].number_value == 0.2
    assert started["fusion.kind"].string_value == "low_rank"
    assert curve(tmp_path / "run", "selected/best_test/hits_at_1") == [(2, pytest.approx(0.55))]
    assert curve(tmp_path / "run", "selected/last/hits_at_1") == [(3, pytest.approx(0.45))]


def test_the_table_is_text_and_the_latest_only(small: Suite, store: Store, tmp_path: Path) -> None:
    table = tabulate(small, [], store)
    for _ in range(2):
        tensorboard.write_table(tmp_path / "table", table)
    (event,) = seen(tmp_path / "table").Tensors("table/text_summary")
    assert "| The method" in event.tensor_proto.string_val[0].decode()


def test_figures_are_images_and_the_latest_only(tmp_path: Path) -> None:
    drawing = Figure(figsize=(2, 1), dpi=50)
    file = BytesIO()
    drawing.savefig(file, format="png")
    for name in ("figure", "differences/toy"):
        tensorboard.write_images(tmp_path / "figures", {name: file.getvalue()})
    found = seen(tmp_path / "figures")
    assert found.Tags()["images"] == ["differences/toy"]
    (image,) = found.Images("differences/toy")
    assert (image.step, image.width, image.height) == (0, 100, 50)
    assert image.encoded_image_string == file.getvalue()
    tensorboard.write_images(tmp_path / "figures", {})
    assert not list(tmp_path.iterdir())


def test_the_figure_of_a_suite_is_shown_where_it_is_one(small: Suite, store: Store, tmp_path: Path) -> None:
    table, figure = tabulate(small, [], store), tmp_path / "small.png"
    Figure(figsize=(2, 1), dpi=50).savefig(figure)
    show(tmp_path / "events", table, figure, store)
    assert seen(tmp_path / "events" / "figures").Tags()["images"] == ["figure"]
    figure.write_bytes(b"text")
    show(tmp_path / "events", table, figure, store)
    assert {path.name for path in (tmp_path / "events").iterdir()} == {"table", "columns"}
