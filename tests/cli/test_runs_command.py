"""``kgprism runs``: what is in the store, whether it is whole, and how it goes."""

import json
import shutil
from pathlib import Path
from typing import get_args

import pytest

from kgprism.platform.cli.groups import runs
from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.store import listing
from kgprism.platform.studies.store.ownership import owning
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.run import execute, plan

TINY = {"graph_width": 8, "modal_width": 8, "eval.every": 1, "pseudo_pairs": "none", "train.epochs": 1}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    data, store, found = toy.aligned(), Store(tmp_path_factory.mktemp("kept") / "runs"), []
    for seed, fusion in ((1, "low_rank"), (2, "sum")):
        run = plan("loginmea", data, seed, TINY | {"fusion": fusion})
        found.append(store.write(run, execute(run, data, folder=store.partial(run.id))))
    return found


@pytest.fixture
def two(kept: list[Record], own_home: Path) -> list[Record]:
    """Put two finished runs and a failed one into the home."""
    for record in kept:
        shutil.copytree(record.folder, own_home / "runs" / record.id)
    Store().fail("failed-run", "loss is nan")
    return kept


def test_list_and_its_filters(kgprism, two: list[Record], own_home: Path) -> None:
    def ids(*words: str) -> set[str]:
        return {entry["id"] for entry in json.loads(kgprism("runs", "list", "--json", *words).out)}

    first, second = (record.id for record in two)
    assert ids() == {first, second, "failed-run"}
    assert ids("--state", "failed") == {"failed-run"}
    assert ids("--method", "loginmea", "-d", "toy") == {first, second}
    assert ids("--method", "dhns") == ids("-d", "other") == ids("--state", "running") == set()
    (own_home / "studies/mine").mkdir(parents=True)
    (own_home / "studies/mine/study.json").write_text(json.dumps({"cells": [{"id": second}]}))
    assert ids("--suite", "mine") == {second}
    shown = kgprism("runs", "list")
    assert shown.err == "2 finished, 1 failed\n"
    lines = shown.out.splitlines()
    assert lines[0].split()[:4] == ["run", "state", "method", "dataset"]
    assert lines[1].endswith("failed: loss is nan")
    mrr = two[0].metric("valid", "test/l2r/mrr")
    assert any(line.startswith(first) and f"{mrr:.3f}" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("list", "--state", "finish"), "--state: unknown word 'finish' (did you mean 'finished'?)"),
        (("list", "--suite", "nothing"), "--suite: nothing was asked of 'nothing'"),
        (("show", "nothing"), "no run 'nothing'"),
        (("gc", "--older", "soon"), "--older: 'soon' is no time: write 30m, 12h or 7d"),
        (("gc", "--older", "-3d"), "--older: '-3d' is no time: write 30m, 12h or 7d"),
        (("verify", "failed-run"), "run failed-run is not finished: there is nothing to verify"),
        (("diff", "failed-run", "failed-run"), "no finished run 'failed-run'"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_one_line(kgprism, own_home: Path, words: tuple[str, ...], told: str) -> None:
    Store().fail("failed-run", "loss is nan")
    called = kgprism("runs", *words)
    assert (called.code, called.out) == (2, "")
    assert called.err.startswith(f"kgprism: {told}")
    assert called.err.count("\n") == 1


def test_every_state_can_be_asked_for() -> None:
    assert get_args(listing.State) == runs._STATES


def test_show_and_diff(kgprism, two: list[Record]) -> None:
    first, second = two
    shown = kgprism("runs", "show", first.id[:8]).out
    assert "fusion.kind" in shown
    assert first.packages["torch"] in shown
    assert json.loads(kgprism("runs", "show", first.id, "--json").out)["fingerprint"] == first.fingerprint
    assert kgprism("runs", "show", "failed").out == "run failed-run: failed: loss is nan\n"
    assert json.loads(kgprism("runs", "show", "failed", "--json").out)["state"] == "failed"
    found = json.loads(kgprism("runs", "diff", first.id, second.id, "--json").out)
    keys = {one["key"]: (one["left"], one["right"]) for one in found["differences"]}
    assert keys["seed"] == (1, 2)
    assert keys["fusion.kind"] == ("low_rank", "sum")
    assert {one["part"] for one in found["differences"]} == {"run", "settings"}
    text = kgprism("runs", "diff", first.id, second.id).out
    assert "low_rank" in text
    assert "test/l2r/mrr" in text
    assert "no difference" in kgprism("runs", "diff", first.id, first.id).out


def test_verify_names_what_is_damaged_and_leaves_it(kgprism, two: list[Record], own_home: Path) -> None:
    assert kgprism("runs", "verify").code == 0
    first, second = two
    file = own_home / "runs" / first.id / "run.json"
    file.write_text(file.read_text().replace('"peak_bytes": ', '"peak_bytes": 1'))
    called = kgprism("runs", "verify")
    assert called.code == 1
    assert called.out == f"{first.id}: run.json: changed since it was written\n"
    assert called.err == "2 runs verified, 1 damaged\n"
    assert json.loads(kgprism("runs", "verify", "--json").out)["damaged"].keys() == {first.id}
    assert kgprism("runs", "verify", second.id).code == 0
    assert file.exists()


def test_import_from_another_home(kgprism, two: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Store().folder.parent
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "second"))
    said = kgprism("runs", "import", str(source)).out
    assert sorted(said.strip().split(", ")) == ["1 unfinished", "2 copied"]
    assert {record.id for record in Store()} == {record.id for record in two}
    assert "2 there already" in kgprism("runs", "import", str(source / "runs")).out
    (source / "runs" / two[0].id / "ranks.npz").write_bytes(b"")
    shutil.rmtree(Store().folder)
    called = kgprism("runs", "import", str(source))
    assert called.code == 1
    assert f"{two[0].id}: damaged, left out: ranks.npz" in called.out


def test_gc_says_how_much_and_asks(kgprism, two: list[Record], own_home: Path) -> None:
    leftover = own_home / "runs" / f"{two[0].id}.partial"
    leftover.mkdir()
    (leftover / "checkpoint.pt").write_bytes(bytes(2**21))
    called = kgprism("runs", "gc")
    assert called.code == 2
    assert called.err.startswith("1 partial of finished runs: 2.0 MiB\nkgprism: Remove these 1 below ")
    assert leftover.exists()
    assert kgprism("runs", "gc", "--yes").out == "freed 2.0 MiB\n"
    assert not leftover.exists()
    assert (own_home / "runs/failed-run.partial").exists()
    assert kgprism("runs", "gc").out == "nothing to remove\n"
    assert (
        json.loads(kgprism("runs", "gc", "--older", "0m", "-y", "--json").out)["removed"][0]["run_id"] == "failed-run"
    )


def test_rm_asks_and_refuses_what_is_going_on(kgprism, two: list[Record]) -> None:
    first, second = two
    assert "Repeat with --yes" in kgprism("runs", "rm", first.id).err
    with owning(Store(), first.id):
        refused = kgprism("runs", "rm", second.id, first.id, "--yes")
    assert (refused.code, len(list(Store()))) == (2, 2)
    assert f"such as {first.id}: wait for them, or stop them" in refused.err
    assert kgprism("runs", "rm", first.id[:9], "failed", "--yes").out == f"removed {first.id}, failed-run\n"
    assert [record.id for record in Store()] == [second.id]
