"""``kgprism board``: both addresses answer, both end, and nothing outside of the pages is given away."""

import json
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import numpy as np
import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.home import home
from kgprism.platform.settings import SELECTIONS
from kgprism.platform.studies.reports.board.folders import cell_folder
from kgprism.platform.studies.reports.board.serving import Pages, serving
from kgprism.platform.studies.reports.board.suite import show
from kgprism.platform.studies.reports.board.tensorboard import write_run
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.search.curves import Curves
from kgprism.platform.studies.search.searcher import TrialNews
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.manifest import load_manifest, save_manifest
from kgprism.platform.training.outcome import Chosen, Outcome

SUITE = """\
schema: 1
suite: small
title: A small suite
method: loginmea
base: {train.epochs: 1}
grid: {dataset: [toy], seed_ratio: [0.2]}
variants:
  - {id: full}
  - {id: sum, override: {fusion: sum}}
"""
ROWS = {"startIndex": 0, "sliceSize": 100, "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE"]}
CODE = "import sys; from kgprism.platform.cli.main import run; run(); assert 'ray' not in sys.modules"


def asked(folder: Path) -> list[Cell]:
    (folder / "small.yaml").write_text(SUITE, encoding="utf-8")
    suite = suites.read(str(folder / "small.yaml"))
    cells = expand(suite, {"toy": toy.aligned()})
    save_manifest(home() / "studies" / "small", suite, cells, called=str(folder / "small.yaml"))
    return cells


def finish(cells: list[Cell]) -> None:
    """Keep made-up results of a suite, and show them and a search to TensorBoard as the commands do."""
    store, events = Store(), home() / "studies" / "small" / "tensorboard"
    for n, cell in enumerate(cells):
        metrics = {f"{part}/l2r/{name}": 0.5 + 0.1 * n for part in ("valid", "test") for name in ("hits_at_1", "mrr")}
        chosen = Chosen(2, metrics, {"l2r/realistic": np.array([1.0, 2.0 + n])})
        history = [{"epoch": 1.0, "loss": 2.0}, {"epoch": 2.0, "loss": 1.0}]
        outcome = Outcome(history, dict.fromkeys(SELECTIONS, chosen), {"w": torch.zeros(1)}, "finished", 1.0, 1)
        record = store.write(cell.run, outcome)
        write_run(cell_folder(events, cell), record, {"variant": cell.variant})
    suite = suites.read(str(load_manifest(events.parent).file))
    table = tabulate(suite, cells, store)
    (events.parent / "figure.png").write_bytes(b"")
    show(events, table, events.parent / "figure.png", store)
    with Curves(home() / "studies" / "space" / "tensorboard" / "first", store) as curves:
        curves(TrialNews(0, "complete", {"train.learning_rate": 0.003}, cells[0].run.id, 2, 0.5))
        curves(TrialNews(1, "epoch", {"train.learning_rate": 0.1}, "x", 1, row={"epoch": 1.0, "loss": 9.0}))
        curves(TrialNews(1, "pruned", {"train.learning_rate": 0.1}, "x", 1, 0.1))


def code(address: str) -> int:
    try:
        with urlopen(address, timeout=150) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; what its first page is made of can be looked at."""
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    folder, made = tmp_path / "pages", list[str]()
    folder.mkdir()
    for name in ("a.html", ".hidden.json", "a b#.md"):
        (folder / name).write_text(name, encoding="utf-8")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "sub").mkdir()

    def refresh() -> str:
        made.append("made")
        return f"<p>made {len(made)} λ"

    with serving(Pages(folder, refresh), "127.0.0.1", 20_000) as address:
        yield address, made


def test_only_what_lies_in_the_folder_is_given(pages: tuple[str, list[str]]) -> None:
    address, made = pages
    with urlopen(address, timeout=150) as answer:
        assert answer.read().decode() == "<p>made 1 λ"
    assert [code(address + name) for name in ("a.html", "a%20b%23.md", "index.html")] == [200, 200, 200]
    refused = (
        "../secret.txt",
        "%2e%2e/secret.txt",
        "out.txt",
        ".hidden.json",
        "sub",
        "sub/",
        "nothing",
        "a.html/..%2f..",
    )
    assert {name: code(address + name) for name in refused} == dict.fromkeys(refused, 404)
    # All of it within some seconds: the pages were made once.
    assert made == ["made"]


def test_a_client_may_ask_nonsense_and_go(pages: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    place = urlsplit(pages[0])
    with socket.create_connection((place.hostname, place.port), timeout=150) as client:
        client.sendall(b"GET http://[::1 HTTP/1.0\r\n\r\n")
        assert b" 400 " in client.recv(100)
    with socket.create_connection((place.hostname, place.port), timeout=150) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
        client.sendall(b"GET ")
    assert code(pages[0]) == 200
    assert capsys.readouterr().err == ""


def test_a_port_that_is_taken_is_passed_by(tmp_path: Path) -> None:
    pages = Pages(tmp_path, lambda: "")
    with serving(pages, "127.0.0.1", 20_000) as first, serving(pages, "127.0.0.1", 20_000) as second:
        assert first != second
        assert code(second) == 200


def test_what_cannot_be_served_is_one_line(kgprism, tmp_path: Path) -> None:
    asked(tmp_path)
    (home() / "studies" / "small" / "tensorboard").mkdir()
    for words, told in (
        (["smal"], "nothing was run of 'smal' in this home (did you mean 'small'?)"),
        (["--host", "no such host"], "--host no such host: "),
    ):
        called = kgprism("board", *words)
        assert (called.code, called.out) == (2, "")
        assert called.err.splitlines()[-1].startswith(f"kgprism: {told}")


@contextmanager
def board(*words: str) -> Iterator[tuple[subprocess.Popen, str, str]]:
    """Start the command; yield its process, the address of the pages and TensorBoard's."""
    command = [sys.executable, "-c", CODE, "board", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout
            lines = [process.stdout.readline().split() for _ in range(3)]
            assert [line[0] for line in lines] == ["suites", "TensorBoard", "Ctrl-C"]
            yield process, lines[0][1], lines[1][1]
        finally:
            process.kill()


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text(encoding="utf-8").split()]


def await_that(holds: Callable[[], bool], seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_both_answer_and_both_end(tmp_path: Path, number: signal.Signals) -> None:
    asked(tmp_path)
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with board("--port", str(port)) as (process, site, charts):
            assert f":{port}/" not in site + charts
            with urlopen(site, timeout=150) as answer:
                text = answer.read().decode()
            assert '<a href="small.html">A small suite</a>' in text
            assert f'<a href="{charts}' in text
            assert code(f"{site}small.html") == 200
            with urlopen(f"{charts}data/environment", timeout=150) as answer:
                assert "data_location" in json.load(answer)
            started = children(process.pid)
            process.send_signal(number)
            assert process.wait(150) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
            await_that(lambda: not any(Path(f"/proc/{child}").exists() for child in started))


@pytest.mark.slow
def test_a_suite_that_was_asked_meanwhile_is_shown(tmp_path: Path) -> None:
    with board("--port", "21000") as (_, site, _charts):
        with urlopen(site, timeout=150) as answer:
            assert "kgprism ablate demo" in answer.read().decode()
        asked(tmp_path)
        await_that(lambda: code(f"{site}small.html") == 200)


@pytest.mark.slow
def test_tensorboard_shows_curves_rows_table_and_figures_by_names_that_can_be_read(tmp_path: Path) -> None:
    finish(asked(tmp_path))
    runs = {"small/toy-0.2/full/seed-0", "small/toy-0.2/sum/seed-0"}
    trials = {"space/first/trial-000 learning_rate=0.003", "space/first/trial-001 learning_rate=0.1"}
    with board("--port", "22000") as (_, _, charts):

        def told(path: str, what: object = None) -> Any:
            data = None if what is None else json.dumps(what).encode()
            with urlopen(
                Request(f"{charts}data/{path}", data, {"Content-Type": "application/json"}), timeout=150
            ) as answer:
                return json.load(answer)

        shown = runs | trials | {"small/table", "small/figures"}
        await_that(lambda: shown <= set(told("runs")))
        assert set(told("runs")) - {"."} <= shown | {"columns"}
        scalars = told("plugin/scalars/tags")
        for run in runs:
            query = urlencode({"run": run, "tag": "loss"})
            assert [point[1:] for point in told(f"plugin/scalars/scalars?{query}")] == [[1, 2.0], [2, 1.0]]
        # All along the epochs: what was chosen stands at its own.
        query = urlencode({"run": "small/toy-0.2/sum/seed-0", "tag": "selected/valid/mrr"})
        assert [point[1] for point in told(f"plugin/scalars/scalars?{query}")] == [2]
        assert all("loss" in scalars[run] for run in runs | trials)
        assert told("plugin/text/tags") == {"small/table": ["table/text_summary"]}
        assert [*told("plugin/images/tags")["small/figures"]] == ["differences/toy, 20 % seed pairs"]
        found = told("plugin/hparams/experiment", {})
        columns = {info["name"] for info in found["hparamInfos"]}
        assert {"variant", "method", "dataset", "seed", "fusion.kind", "state", "train.learning_rate"} <= columns
        rows = told("plugin/hparams/session_groups", ROWS)["sessionGroups"]
        named = {row["sessions"][0]["name"]: row for row in rows}
        assert set(named) == runs | trials
        assert {row["hparams"]["variant"] for name, row in named.items() if name in runs} == {"full", "sum"}
        values = {metric["name"]["tag"]: metric["value"] for metric in named[min(trials)]["metricValues"]}
        assert values["trial/value"] == 0.5
        assert named[max(trials)]["hparams"]["state"] == "pruned"
