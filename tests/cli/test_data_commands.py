"""``kgprism data``."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.catalogue import datasets, toy
from kgprism.platform.studies.store.ownership import owning
from kgprism.platform.studies.store.progress import Noting
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.run import plan


def write_plain(folder: Path) -> None:
    """Write three entities a side, two pairs and one self-loop in the plain layout."""
    for side in ("kg1", "kg2"):
        (folder / side).mkdir(parents=True)
        (folder / side / "entities.tsv").write_text("".join(f"{n}\t{side}/{word}\n" for n, word in enumerate("abc")))
        (folder / side / "relations.tsv").write_text("0\tknows\n")
        (folder / side / "triples.tsv").write_text("0\t0\t1\n1\t0\t2\n2\t0\t2\n")
    (folder / "pairs.tsv").write_text("0\t0\n1\t1\n")


def test_list_names_what_is_built_in(kgprism) -> None:
    entries = {entry["name"]: entry for entry in json.loads(kgprism("data", "list", "--json").out)}
    assert entries["toy"]["present"]
    assert not entries["fb15k-db15k"]["present"]
    assert "fb15k-db15k" in kgprism("data", "list").out


def test_show_counts_the_toy(kgprism) -> None:
    graphs = toy.aligned()
    shown = json.loads(kgprism("data", "show", "toy", "--json").out)
    assert shown["fingerprint"] == graphs.fingerprint
    assert [row["triples"] for row in shown["rows"]] == [len(graphs.left.triples), len(graphs.right.triples)]
    assert shown["rows"][0]["pairs"] == len(graphs.pairs)
    text = kgprism("data", "show", "toy").out
    assert f"{len(graphs.left.triples):,}" in text
    assert "attribute_triples" in text


def test_import_show_and_check_ones_own_data(kgprism, tmp_path: Path, own_home: Path) -> None:
    write_plain(tmp_path / "source")
    done = json.loads(kgprism("data", "import", "mine", "--from", str(tmp_path / "source"), "--json").out)
    assert done["layout"] == "plain"
    assert Path(done["folder"]) == own_home / "data" / "mine"
    assert "nothing changed" in kgprism("data", "import", "mine", "--from", str(tmp_path / "source")).out
    checked = kgprism("data", "check", "mine", "--json")
    assert checked.code == 0
    problems = {(p["place"], p["kind"]): p["count"] for p in json.loads(checked.out)["problems"]}
    assert problems["left", "self-loops"] == 1
    text = kgprism("data", "check", "mine").out
    assert "self-loops" in text
    assert "no published statistics" in text


def test_a_completion_dataset_without_features_says_what_to_do(kgprism, tmp_path: Path) -> None:
    files = {"entity": "3\na 0\nb 1\nc 2\n", "relation": "1\nr 0\n", "train": "2\n0 1 0\n1 2 0\n"}
    for part, text in (files | {"valid": "1\n0 1 0\n", "test": "1\n0 2 0\n"}).items():
        (tmp_path / f"{part}2id.txt").write_text(text)
    assert "layout openke" in kgprism("data", "import", "mine", "--from", str(tmp_path)).out
    for command in ("show", "check"):
        called = kgprism("data", command, "mine")
        assert called.code == 0
        assert "no image and text features" in called.out
        assert "--set data.text=labels" in called.out
        assert "1 distinct validation triples are in train, 0 in test" in called.out
        assert len(json.loads(kgprism("data", command, "mine", "--json").out)["advice"]) == 2
    assert json.loads(kgprism("data", "show", "toy-completion", "--json").out)["advice"] == []


def test_other_data_of_that_name_need_the_word_replace(kgprism, tmp_path: Path) -> None:
    write_plain(tmp_path / "one")
    write_plain(tmp_path / "two")
    (tmp_path / "two" / "pairs.tsv").write_text("0\t0\n")
    assert kgprism("data", "import", "mine", "--from", str(tmp_path / "one")).code == 0
    refused = kgprism("data", "import", "mine", "--from", str(tmp_path / "two"))
    assert refused.code == 2
    assert "--replace" in refused.err
    assert kgprism("data", "import", "mine", "--from", str(tmp_path / "two"), "--replace").code == 0


def test_a_malformed_line_names_file_and_line(kgprism, tmp_path: Path) -> None:
    write_plain(tmp_path / "source")
    (tmp_path / "source/kg2/triples.tsv").write_text("0\t0\t1\n1\tx\t2\n")
    called = kgprism("data", "import", "mine", "--from", str(tmp_path / "source"))
    assert called.code == 2
    assert "triples.tsv" in called.err
    assert "2" in called.err.split("triples.tsv")[1]


def test_data_that_differ_from_the_published_ones_leave_with_1(kgprism, tmp_path: Path) -> None:
    write_plain(tmp_path / "source")
    assert kgprism("data", "import", "fb15k-db15k", "--from", str(tmp_path / "source")).code == 0
    called = kgprism("data", "check", "fb15k-db15k", "--json")
    assert called.code == 1
    assert not json.loads(called.out)["agrees"]
    assert "DIFFERS" in kgprism("data", "check", "fb15k-db15k").out


def test_an_import_under_a_benchmarks_name_warns_where_the_data_are_other_ones(kgprism, tmp_path: Path) -> None:
    write_plain(tmp_path / "source")
    done = kgprism("data", "import", "fb15k-db15k", "--from", str(tmp_path / "source"))
    (line,) = [line for line in done.err.splitlines() if line.startswith("warning")]
    assert "fb15k-db15k differs from the published dataset: left/entities 3 (published: 14,951)" in line
    again = json.loads(kgprism("data", "import", "fb15k-db15k", "--from", str(tmp_path / "source"), "--json").out)
    assert [f"warning: {told}" for told in again["warnings"]] == [line]
    assert "warning" not in kgprism("data", "import", "mine", "--from", str(tmp_path / "source")).err


def test_show_says_which_split_runs_take(kgprism, tmp_path: Path) -> None:
    write_plain(tmp_path / "source")
    (tmp_path / "source" / "splits").mkdir()
    for part, pair in (("train", "0\t0\n"), ("test", "1\t1\n"), ("valid", "0\t0\n")):
        (tmp_path / "source" / "splits" / f"{part}.tsv").write_text(pair)
    for name, taken in (("mine", "runs take it"), ("dbp15k-fr-en", "runs draw one by data.seed_ratio")):
        kgprism("data", "import", name, "--from", str(tmp_path / "source"))
        shown = kgprism("data", "show", name).out
        assert f"split of the source: 1 train, 1 valid, 1 test pairs; {taken}" in shown
        assert f"{name}: only one of the pairs chooses the epoch" in shown
        assert json.loads(kgprism("data", "show", name, "--json").out)["split"][0] in shown
    assert "split of the source" not in kgprism("data", "show", "toy").out


def test_rm_asks_and_leaves_data_alone_that_runs_are_using(
    kgprism, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plain(tmp_path / "source")
    kgprism("data", "import", "mine", "--from", str(tmp_path / "source"))
    refused = kgprism("data", "rm", "mine")
    assert refused.code == 2
    assert f"{own_home / 'data' / 'mine'} would be removed: repeat with --yes" in refused.err
    store, run = Store(), plan("eva", datasets.load("mine"), 0)
    with owning(store, run.id):
        Noting(store, run)
        refused = kgprism("data", "rm", "mine", "--yes")
        assert refused.code == 2
        assert f"1 runs on mine are going on, such as {run.id}" in refused.err
        assert kgprism("data", "rm", "toy", "--yes").code == 2
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert kgprism("data", "rm", "mine").code == 1
    assert (own_home / "data" / "mine").is_dir()
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert "removed" in kgprism("data", "rm", "mine").out
    assert not (own_home / "data" / "mine").exists()
    assert kgprism("data", "rm", "mine", "--yes").code == 2


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


def test_what_has_no_known_sums_is_not_downloaded(kgprism) -> None:
    called = kgprism("data", "fetch", "fb15k-db15k")
    assert called.code == 2
    assert "kgprism data import fb15k-db15k --from DIR" in called.err


def test_json_has_no_word_for_what_is_not_finite(kgprism, capsys) -> None:
    from kgprism.platform.cli.screen import show_json

    show_json({"a": float("nan"), "b": [np.float64("inf").item(), 1.5], "c": {2}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": [2]}
