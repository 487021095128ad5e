"""Another store's runs: copied whole, never over one's own, never damaged."""

from pathlib import Path

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.store.merging import merge, opened
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store


def test_what_is_lacking_and_whole_is_copied(store: Store, made: Record, twin: Path, tmp_path: Path) -> None:
    store.partial("begun")
    mine = Store(tmp_path / "mine" / "runs")
    (mine.folder / made.id).mkdir(parents=True)  # half a copy
    (twin / "ranks.npz").write_bytes(b"cut")
    other = opened(store.folder.parent, mine)
    assert other.folder == store.folder
    found = {one.id: one for one in merge(mine, other)}
    assert {run_id: one.what for run_id, one in found.items()} == {
        made.id: "copied",
        twin.name: "damaged",
        "begun": "unfinished",
    }
    assert found[twin.name].told.startswith("ranks.npz cannot be read")
    assert [path.name for path in mine.folder.iterdir()] == [made.id]
    copied = mine.read(made.id)
    assert copied is not None
    assert copied.selections == made.selections
    assert (copied.folder / "model.safetensors").exists()
    assert twin.exists()
    assert [one.what for one in merge(mine, other) if one.id == made.id] == ["there already"]


def test_a_folder_that_is_no_other_store_is_refused(store: Store, made: Record, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, told in (
        (tmp_path / "nowhere", "no such folder"),
        (store.folder.parent, "that is this store"),
        (tmp_path / "empty", "no finished run there"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            opened(folder, store)
