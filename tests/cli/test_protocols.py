"""``--protocol`` and ``--evaluate``: which numbers are shown, and what is judged again first."""

import json
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import datasets
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.training.run import execute

SUITE = """\
schema: 1
suite: judged
method: eva
base: {train.epochs: 1, eval.every: 1}
grid: {dataset: [toy]}
variants: [{id: full}]
protocol: {select: last, direction: l2r}
evaluations: [{id: cosine, set: {eval.csls_k: 0}}]
metrics: [mrr]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "judged.yaml").write_text(SUITE, encoding="utf-8")
    return tmp_path / "judged.yaml"


@pytest.mark.parametrize("command", ["report", "ablate"])
def test_an_unknown_word_and_one_besides_an_epoch_are_refused_at_once(kgprism, file: Path, command: str) -> None:
    for words, told in (
        (["--protocol", "bth"], "kgprism: --protocol: unknown word 'bth' (did you mean 'both'?)"),
        (
            ["--protocol", "both", "--select", "last"],
            "kgprism: --protocol both and --select last: a protocol says epoch and direction itself: choose one",
        ),
    ):
        called = kgprism(command, str(file), *words)
        assert (called.code, called.out, called.err) == (2, "", f"{told}\n")


@pytest.mark.slow
def test_a_finished_suite_is_judged_again_and_its_data_counted(kgprism, file: Path, own_home: Path) -> None:
    suite, data = suites.read(str(file)), datasets.load("toy")
    (cell,) = expand(suite, {"toy": data})
    Store().write(cell.run, execute(cell.run, data))
    save_manifest(own_home / "studies" / "judged", suite, [cell])
    before = kgprism("report", str(file))
    assert "full, cosine" in before.out
    assert "Runs that are not judged again yet: cosine (1)" in before.out
    after = kgprism("report", str(file), "--evaluate", "--json")
    assert after.err == "judging full on toy, seed 0, again: eval.csls_k=0\n"
    table = json.loads(after.out)
    own, again = (row["entries"][0] for row in table["rows"])
    assert (table["both"], len(again["values"]), again["paper"]) == (True, 1, [])
    assert own["paper"] != own["honest"]
    assert own["values"] != again["values"]
    assert {one["what"]: one["count"] for one in table["overlaps"]["toy"]}["pairs whose names are the same"] == 83
    repeated = kgprism("report", str(file), "--evaluate", "--json")
    assert (repeated.out, repeated.err) == (after.out, "")


def test_what_is_seen_elsewhere_is_told_of_any_dataset(kgprism, own_home: Path) -> None:
    for word in ("check", "show"):
        told = {one["what"]: one for one in json.loads(kgprism("data", word, "toy", "--json").out)["overlaps"]}
        assert told["pairs whose names are the same"] == {
            "what": "pairs whose names are the same",
            "count": 83,
            "of": 400,
        }
    assert "pairs whose names are the same" in kgprism("data", "check", "toy").out
