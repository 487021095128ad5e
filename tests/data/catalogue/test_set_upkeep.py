"""What becomes of feature sets when their dataset is replaced or removed."""

from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import datasets, feature_sets, set_upkeep
from kgprism.platform.errors import DataError


@pytest.fixture
def imported(source: Path, put_set) -> Path:
    """A dataset with two sets; the folder that it came from."""
    datasets.import_dataset("mine", source)
    for name in ("clip", "vit"):
        put_set(datasets.load("mine"), "image", name)
    return source


def test_sets_stay_where_new_data_have_the_same_entities(imported: Path) -> None:
    before = feature_sets.stored("mine")
    (imported / "pairs.tsv").write_text("0\t0\n")
    done = datasets.import_dataset("mine", imported, replace=True)
    assert done.warnings == ()
    assert feature_sets.stored("mine") == before
    feature_sets.read(datasets.load("mine"), before[0])


def test_sets_of_other_entities_go_and_that_is_told(imported: Path, files) -> None:
    (imported / "kg1" / "entities.tsv").write_text("0\ta\n1\tc\n")
    done = datasets.import_dataset("mine", imported, replace=True)
    assert len(done.warnings) == 2
    assert "the image features 'clip' were made of other entities" in done.warnings[0]
    assert "kgprism data features mine" in done.warnings[0]
    assert feature_sets.stored("mine") == []
    assert not any("features" in file for file in files(done.folder))


def test_a_damaged_set_goes_with_the_old_data(imported: Path) -> None:
    set_upkeep.files_of("mine:image.clip")[0].write_bytes(b"")
    (imported / "pairs.tsv").write_text("0\t0\n")
    done = datasets.import_dataset("mine", imported, replace=True)
    assert len(done.warnings) == 1
    assert "image.clip.kg1" in done.warnings[0]
    assert [one.name for one in feature_sets.stored("mine")] == ["vit"]


def test_the_same_data_once_more_touch_nothing(imported: Path) -> None:
    assert not datasets.import_dataset("mine", imported).changed
    assert len(feature_sets.stored("mine")) == 2


def test_files_that_were_changed_in_place_make_a_set_unreadable(imported: Path) -> None:
    (datasets.owned("mine") / "kg2" / "entities.tsv").write_text("0\tA\n1\tC\n")
    with pytest.raises(DataError, match="mine was changed since"):
        feature_sets.read(datasets.load("mine"), feature_sets.find("mine", "image", "clip"))


def test_one_set_is_removed_and_the_dataset_with_all(imported: Path) -> None:
    gone = set_upkeep.remove("mine:image.clip")
    assert len(gone) == 2
    assert not any(file.exists() for file in gone)
    assert [one.name for one in feature_sets.stored("mine")] == ["vit"]
    with pytest.raises(DataError, match=r"mine has no feature set 'image.vt' \(did you mean 'image.vit'\?\)"):
        set_upkeep.remove("mine:image.vt")
    datasets.remove("mine")
    assert feature_sets.stored("mine") == []
    with pytest.raises(DataError, match="it has none"):
        set_upkeep.remove("mine:image.vit")
