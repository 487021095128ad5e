"""Verification: a digit that was altered anywhere in a run's folder is found, and named as far as can be."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.store.verification import problems


def edit(folder: Path, **changed: Any) -> None:
    """Change a record and take its sums away, as an earlier version had none."""
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(content | {"sums": {}} | changed))


def test_a_run_as_it_was_written_has_no_problem(made: Record, twin: Path) -> None:
    assert problems(made.folder) == problems(twin) == []
    edit(made.folder)
    assert problems(made.folder) == []


@pytest.mark.parametrize("what", ["seconds", "peak_bytes", "epoch", "test/l2r/mrr", "numpy", "train.learning_rate"])
def test_a_digit_altered_in_the_record_is_found(store: Store, made: Record, what: str) -> None:
    file = made.folder / "run.json"
    text = file.read_text()
    found = re.search(rf'"{re.escape(what)}": "?(\d)', text)
    assert found
    at = found.start(1)  # the last digit of a number may be none that counts, and no number begins with 0
    file.write_text(text[:at] + str(int(text[at]) % 9 + 1) + text[at + 1 :])
    assert problems(made.folder)
    with pytest.warns(SetAsideWarning, match=r"run\.json: changed since it was written"):
        assert not Store(store.folder).has(made.id)


def test_a_record_laid_out_anew_is_the_same(made: Record) -> None:
    content = json.loads((made.folder / "run.json").read_text())
    (made.folder / "run.json").write_text(json.dumps(dict(reversed(content.items()))))
    assert problems(made.folder) == []


def test_a_metric_that_its_epoch_and_its_queries_do_not_have(made: Record) -> None:
    selections = json.loads(json.dumps(made.selections))
    true = selections["valid"]["metrics"]["test/mean/mrr"]
    selections["valid"]["metrics"]["test/mean/mrr"] = true + 0.001
    edit(made.folder, selections=selections)
    by_epoch, by_query = problems(made.folder)
    assert by_epoch == f"run.json: valid: test/mean/mrr is {true + 0.001}, but history.parquet has {true}"
    assert by_query.startswith(f"run.json: valid: test/mean/mrr is {true + 0.001}, but ranks.npz makes 0.")
    selections["valid"]["epoch"] = 9
    edit(made.folder, selections=selections)
    assert problems(made.folder)[0] == "run.json: valid: epoch 9, which history.parquet does not have"


def test_ranks_that_do_not_make_the_metrics(made: Record) -> None:
    file = made.folder / "ranks.npz"
    with np.load(file) as stored:
        ranks = {key: stored[key] for key in stored}
    ranks["last/l2r/realistic"][0] += 7
    del ranks["valid/l2r/realistic"], ranks["valid/l2r/optimistic"]
    del ranks["valid/r2l/realistic"], ranks["valid/r2l/optimistic"]
    np.savez(file, **ranks)
    edit(made.folder)
    found = problems(made.folder)
    assert "ranks.npz: nothing of valid" in found
    assert any(line.startswith("run.json: last: test/l2r/mr is ") for line in found)
    assert any(line.startswith("run.json: last: test/mean/mrr is ") for line in found)


def test_files_that_are_cut_absent_or_other_ones(made: Record) -> None:
    for name in ("history.parquet", "ranks.npz", "model.safetensors"):
        file = made.folder / name
        data = file.read_bytes()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert f"{name}: changed since it was written" in problems(made.folder)
        file.unlink()
        assert problems(made.folder) == [f"{name} is not there"]
        file.write_bytes(data)
    assert problems(made.folder) == []
    (made.folder / "run.json").write_text("{")
    assert problems(made.folder)[0].startswith("run.json: ")
    (made.folder / "run.json").unlink()
    assert problems(made.folder) == ["run.json is not there"]
