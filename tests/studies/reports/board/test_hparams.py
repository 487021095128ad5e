"""TensorBoard's HPARAMS: the columns of all runs, each of one kind; asked of TensorBoard itself under ``slow``."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from tensorboard.plugins.hparams import api_pb2 as api
from tensorboard.plugins.hparams.metadata import parse_experiment_plugin_data

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.settings import HEADLINES
from kgprism.platform.studies.reports.board import hparams, tensorboard
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import plan

#: A request for all rows.
ALL = {"startIndex": 0, "sliceSize": 10, "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS"]}


@pytest.fixture
def records(store: Store, graphs: AlignedGraphs, outcome: Callable[..., Outcome]) -> list[Record]:
    """Two runs: a key that is none in one and a number in the other, and a part that the other does not have."""
    layers: list[dict[str, Any]] = [
        {"fusion": "low_rank", "fusion.rank": 8, "pseudo_pairs": "none"},
        {"fusion": "concat", "pseudo_pairs": "probation", "data.split_seed": 3},
    ]
    runs = [plan("loginmea", graphs, 0, layer) for layer in layers]
    return [store.write(run, outcome(0.5 + number / 10)) for number, run in enumerate(runs)]


def described(*records: Record, **labels: list[str]) -> dict[str, api.HParamInfo]:
    content = hparams.columns(records, labels).value[0].metadata.plugin_data.content
    return {info.name: info for info in parse_experiment_plugin_data(content).hparam_infos}


ABOUT = {"variant", "method", "dataset", "seed"}


def test_there_is_a_column_for_every_key_in_which_runs_differ_and_no_other(records: list[Record]) -> None:
    found = described(*records, variant=["a", "b"])
    assert set(found) == {*ABOUT, "pseudo_pairs.kind", "fusion.kind", "data.split_seed"}
    assert {name for name, info in found.items() if info.differs} == {"pseudo_pairs.kind", "fusion.kind", "variant"}
    assert set(described(records[0], variant=["a"])) == ABOUT
    assert found["data.split_seed"].type == api.DATA_TYPE_FLOAT64
    assert (found["data.split_seed"].domain_interval.min_value, found["seed"].differs) == (3, False)
    assert list(found["fusion.kind"].domain_discrete) == ["concat", "low_rank"]


def test_what_is_none_has_no_place_in_a_row(records: list[Record]) -> None:
    assert "data.split_seed" in records[0].configuration
    assert "data.split_seed" not in hparams.settings(records[0])
    assert hparams.settings(records[1])["data.split_seed"] == 3


def test_words_and_numbers_share_no_column(records: list[Record]) -> None:
    one, other = (replace(records[0], configuration={**records[0].configuration, "x": x}) for x in (1.5, "auto"))
    two = replace(one, configuration={**one.configuration, "x": 2.5})
    assert "x" in described(one, two)
    assert "x" not in described(one, other)


def test_a_number_that_is_none_has_a_column(records: list[Record]) -> None:
    odd = replace(records[0], configuration={**records[0].configuration, "x": float("inf")})
    assert (
        described(records[0], odd, replace(odd, configuration={**odd.configuration, "x": 1.0}))["x"].type
        == api.DATA_TYPE_FLOAT64
    )


def test_the_runs_below_a_folder_are_known_by_their_files(records: list[Record], store: Store, tmp_path: Path) -> None:
    for number, record in enumerate(records):
        tensorboard.write_run(tmp_path / "events" / f"run-{number}" / "seed-0", record)
    tensorboard.write_columns(tmp_path / "events", store)
    assert hparams.shown(tmp_path / "events", store) == sorted(records, key=lambda record: record.id)
    assert hparams.shown(tmp_path / "events" / "run-1", store) == [records[1]]
    assert hparams.shown(tmp_path / "nowhere", store) == []


@pytest.mark.slow
def test_tensorboard_shows_all_columns_and_sorts_by_each(records: list[Record], store: Store, tmp_path: Path) -> None:
    for variant, record in zip(("a", "b"), records, strict=True):
        tensorboard.write_run(tmp_path / "events" / variant, record, {"variant": variant})
    with served(tmp_path / "events") as ask:  # while runs are under way, and where nobody has written the columns
        keys = {key for record in records for key, value in record.configuration.items() if value is not None}
        assert check(ask, keys | ABOUT) >= 3
    tensorboard.write_columns(tmp_path / "events", store, {"variant": ["a", "b"]})
    with served(tmp_path / "events") as ask:
        metrics = {f"selected/{select}/{name}" for select in ("valid", "best_test", "last") for name in HEADLINES}
        assert {info["name"]["tag"] for info in ask("experiment", {})["metricInfos"]} < metrics
        assert check(ask, {*ABOUT, "pseudo_pairs.kind", "fusion.kind", "data.split_seed"}) == 6


def check(ask: Callable[[str, Any], Any], expected: set[str]) -> int:
    """Sort the rows by every column both ways, and return how many metrics a row has."""
    names = {info["name"] for info in ask("experiment", {})["hparamInfos"]}
    assert names == expected
    groups: list[Any] = []
    for name in sorted(names):
        for order in ("ORDER_ASC", "ORDER_DESC"):
            sought = {"colParams": [{"hparam": name, "order": order}], **ALL}
            groups = ask("session_groups", sought | {"allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS"]})[
                "sessionGroups"
            ]
            assert len(groups) == 2
    rows = {group["hparams"]["variant"]: group["hparams"] for group in groups}
    assert rows["b"]["data.split_seed"] == 3
    assert "data.split_seed" not in rows["a"]
    return len(groups[0]["metricValues"])


@contextmanager
def served(folder: Path) -> Iterator[Callable[[str, Any], Any]]:
    """Start TensorBoard and yield what asks its HParams plug-in; it raises where the answer is an error."""
    port = free_port()
    words = ["-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL) as server:

        def ask(route: str, what: Any) -> Any:
            address = f"http://127.0.0.1:{port}/data/plugin/hparams/{route}"
            asked = Request(address, json.dumps(what).encode(), {"Content-Type": "application/json"})
            with urlopen(asked, timeout=60) as answer:
                return json.loads(answer.read())

        try:
            end = time.monotonic() + 120
            while not answers(ask):
                assert time.monotonic() < end, "TensorBoard does not answer"
                assert server.poll() is None, "TensorBoard has ended"
                time.sleep(0.3)
            yield ask
        finally:
            server.kill()


def answers(ask: Callable[[str, Any], Any]) -> bool:
    """Tell whether TensorBoard is there and has read the runs."""
    try:
        return len(ask("session_groups", ALL).get("sessionGroups", [])) == 2
    except HTTPError:
        raise
    except (URLError, ConnectionError):
        return False


def free_port() -> int:
    import socket

    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
