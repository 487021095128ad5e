"""Runs that were damaged from outside: set aside, told in one line, made again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kgprism.platform.errors import DataError
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run

GOOD: dict[str, Any] = {
    "id": "0123456789abcdef",
    "method": "loginmea",
    "dataset": "toy",
    "seed": 1,
    "configuration": {"train.epochs": 2, "eval.direction": "l2r", "modalities": ["image"], "data.split_seed": None},
    "notes": ["a note"],
    "selections": {"last": {"epoch": 2, "metrics": {"test/l2r/mrr": 0.5}}},
    "stopped": "finished",
    "seconds": 1.5,
    "peak_bytes": 1024,
    "finished": "2025-11-28T08:23:53+00:00",
    "unknown to this code": True,
}


def put(store: Store, **changed: Any) -> Path:
    """Write a record as it lies on disk, changed."""
    folder = store.folder / str(GOOD["id"])
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(GOOD | changed), encoding="utf-8")
    return folder


def test_a_record_of_all_that_is_needed_is_read(store: Store) -> None:
    record = store.read(put(store).name)
    assert record is not None
    assert record.selections == GOOD["selections"]
    assert record.configuration == GOOD["configuration"]


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "other"},
        {"seed": "1"},
        {"seed": True},
        {"seconds": "1.5"},
        {"seconds": -1},
        {"notes": "a note"},
        {"notes": [3]},
        {"configuration": ["train.epochs"]},
        {"selections": {}},
        {"selections": {"valid": GOOD["selections"]["last"]}},
        {"selections": {"last": {"epoch": 2, "metrics": {"test/l2r/mrr": "0.5"}}}},
        {"selections": {"last": {"epoch": 2, "metrics": {"test/l2r/mrr": None}}}},
        {"selections": {"last": {"epoch": 2.5, "metrics": {}}}},
        {"selections": {"last": 3}},
        {"finished": "yesterday"},
        {"peak_bytes": None},
    ],
    ids=str,
)
def test_a_record_of_other_types_is_set_aside_and_its_run_made_again(
    store: Store, run: Run, outcome: Callable[..., Outcome], changed: dict[str, Any]
) -> None:
    folder = put(store, **changed)
    aside = store.folder / ".damaged" / folder.name
    with pytest.warns(SetAsideWarning) as told:
        assert not store.has(folder.name)
    (line,) = [str(warning.message) for warning in told]
    assert line.startswith(f"{folder}: damaged (run.json: ")
    assert line.endswith(f"set aside as {aside}, to be made again")
    assert "\n" not in line
    assert (aside / "run.json").is_file()
    assert not folder.exists()
    assert list(store) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"id": "x"}', '{"a":' * 100_000, "\udce9"])
def test_a_file_that_holds_no_record_is_set_aside(
    store: Store, run: Run, outcome: Callable[..., Outcome], text: str
) -> None:
    file = store.write(run, outcome(0.5)).folder / "run.json"
    for number in ("", "-2"):
        file.write_bytes(text.encode(errors="surrogateescape"))
        with pytest.warns(SetAsideWarning, match=f"set aside as .*{run.id}{number}, to be made again"):
            assert list(store) == []
        assert store.write(run, outcome(0.5)).metric("valid", "test/l2r/mrr") == 0.6
        assert (store.folder / ".damaged" / f"{run.id}{number}" / "history.parquet").exists()


@pytest.mark.parametrize("name", ["history.parquet", "ranks.npz"])
@pytest.mark.parametrize("how", ["absent", "cut", "zeros", "folder", "other"])
def test_a_run_with_a_damaged_table_is_none(
    store: Store, run: Run, outcome: Callable[..., Outcome], name: str, how: str
) -> None:
    record = store.write(run, outcome(0.5))
    assert Store(store.folder).has(run.id)
    file = record.folder / name
    data = file.read_bytes()
    file.unlink()
    if how == "folder":
        file.mkdir()
    elif how == "other" and name == "ranks.npz":
        np.savez(file, **{"last/l2r/realistic": np.array(["one"])})
    elif how == "other":
        pd.DataFrame({"epoch": ["one"]}).to_parquet(file)
    elif how != "absent":
        file.write_bytes(data[:-40] if how == "cut" else data[:100] + bytes(60) + data[160:])
    with pytest.raises(DataError, match=f"run {run.id}: its {name}"), pytest.warns(SetAsideWarning):
        record.history() if name == "history.parquet" else record.ranks("last")
    (store.folder / ".damaged" / run.id).rename(record.folder)
    with pytest.warns(SetAsideWarning, match=name):
        assert not Store(store.folder).has(run.id)
    assert store.write(run, outcome(0.5)).metric("last", "test/l2r/mrr") == pytest.approx(0.55)


def test_a_file_in_the_place_of_a_folder_is_set_aside(store: Store, run: Run, outcome: Callable[..., Outcome]) -> None:
    store.folder.mkdir()
    for name in (run.id, f"{run.id}.partial"):
        (store.folder / name).write_text("a file stands here", encoding="utf-8")
    with pytest.warns(SetAsideWarning, match="not a folder"):
        assert store.partial(run.id).is_dir()
    with pytest.warns(SetAsideWarning, match="Not a directory"):
        assert store.write(run, outcome(0.5)).id == run.id
    assert {path.name for path in (store.folder / ".damaged").iterdir()} == {run.id, f"{run.id}.partial"}
