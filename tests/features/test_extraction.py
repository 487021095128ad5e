"""From raw files to a set in the home: pooled in closed form, missing where nothing is, resumed, alone, and told."""

import errno
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgprism
from kgprism.platform.data.catalogue import datasets, feature_sets
from kgprism.platform.data.graph import Features
from kgprism.platform.errors import ConfigurationError, DataError, RunError
from kgprism.platform.features import chunks, encoding, work
from kgprism.platform.features.encoding import Step
from kgprism.platform.locks import locked

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
Paint = Callable[[dict[str, tuple[int, int, int]]], Path]
Row = Callable[[str, int], int]

pytestmark = pytest.mark.usefixtures("plugin", "small")


def extract(images: object, **options: Any) -> Any:
    return kgprism.extract("small", images=images, **{"encoder": "colour", "dtype": "float32", **options})  # type: ignore[arg-type]


def stored(modality: str = "image", name: str = "colour") -> dict[str, Features]:
    return feature_sets.read(datasets.load("small"), feature_sets.find("small", modality, name))


def vector(*colour: float) -> np.ndarray:
    """Return what the encoder makes of a colour."""
    part = np.array(colour, np.float32) / 255
    return np.concatenate([part, 2 * part])


def both(painted: Paint, more: dict[str, tuple[int, int, int]] | None = None) -> Path:
    return painted({"kg1/1.png": RED, "kg2/1.png": GREEN, "kg2/5.png": BLUE, **(more or {})})


def test_entities_with_pictures_have_vectors_and_the_others_none(painted: Paint, row: Row) -> None:
    made = extract(both(painted))
    found = stored()
    assert found["kg1"].entities.tolist() == [row("kg1", 1)]
    assert np.allclose(found["kg1"].values, [vector(*RED)])
    places = sorted((row("kg2", 1), row("kg2", 5)))
    assert found["kg2"].entities.tolist() == places
    expected = {row("kg2", 1): vector(*GREEN), row("kg2", 5): vector(*BLUE)}
    assert np.allclose(found["kg2"].values, [expected[place] for place in places])
    counts = {"entities": 12, "with": 2, "items": 2, "distinct": 2, "unreadable": 0}
    assert made.counts["kg2"] == counts == feature_sets.find("small", "image", "colour").header.counts["kg2"]
    assert made.made_by.library.startswith("colours 1.5, torch 2")
    assert made.made_by.preprocessing == "on white, nearest to 8 x 8, (x - 0) / 255"


def test_of_several_pictures_the_mean_the_first_or_the_best_by_name(painted: Paint, row: Row) -> None:
    # The name of 1 says g: green is the best. An equal picture counts once.
    root = both(painted, {"kg1/1_1.png": GREEN, "kg1/1_2.png": GREEN, "kg1/1_3.png": (0, 0, 51)})
    extract(root)
    assert np.allclose(stored()["kg1"].values, [vector(85, 85, 17)])
    extract(root, pool="first", to="image:first")
    assert np.allclose(stored(name="first")["kg1"].values, [vector(*RED)])
    extract(root, pool="best", to="other:best")
    assert np.allclose(stored("other", "best")["kg1"].values, [vector(*GREEN)])


def test_best_is_refused_where_an_encoder_reads_no_names(painted: Paint) -> None:
    with pytest.raises(ConfigurationError, match="--pool best: the encoder has to read names too"):
        extract(both(painted), encoder="scalar", pool="best")


def test_equal_pictures_are_encoded_once_and_a_second_start_encodes_nothing(painted: Paint) -> None:
    root = both(painted, {f"kg1/{n}.png": GREEN for n in range(2, 9)})
    steps: list[Step] = []
    first = extract(root, listener=steps.append)
    assert first.encoded == 3
    assert (steps[0].done, steps[-1].done, steps[-1].total) == (0, 3, 3)
    before = {file: (file.read_bytes(), file.stat().st_size) for file in first.files}
    again = extract(root, listener=steps.append)
    assert (again.encoded, again.changed) == (0, False)
    assert steps[-1] == Step("pictures", 3, 3, 3)
    assert before == {file: (file.read_bytes(), file.stat().st_size) for file in again.files}


def test_what_cannot_be_read_is_missing_and_named_with_its_reason(painted: Paint, row: Row) -> None:
    root = both(painted, {"kg1/4.png": RED, "kg1/nobody.png": RED})
    (root / "kg1/2.png").write_bytes(b"")
    (root / "kg1/1_2.png").write_bytes(b"no picture")
    (root / "kg1/3.png").symlink_to(root / "kg1/3.png")
    made = extract(root)
    reasons = {Path(place).name: reason for place, reason in made.unreadable}
    assert reasons.pop("3.png").startswith("Too many levels of symbolic links")
    assert reasons == {"2.png": "an empty file", "1_2.png": "no picture of a known format"}
    assert [Path(place).name for place in made.strangers] == ["nobody.png"]
    assert stored()["kg1"].entities.tolist() == sorted((row("kg1", 1), row("kg1", 4)))
    assert made.counts["kg1"] == {"entities": 12, "with": 2, "items": 5, "distinct": 3, "unreadable": 3}


def test_nothing_readable_is_an_error_that_names_a_file(painted: Paint) -> None:
    root = painted({})
    (root / "kg1").mkdir(parents=True)
    (root / "kg1/2.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of 1 pictures can be read, such as .*2\.png: an empty file"):
        extract(root)
    (root / "kg1/2.png").rename(root / "kg1/nobody.png")
    with pytest.raises(DataError, match=r"1 are not called after one, such as .*nobody\.png"):
        extract(root)


def test_who_is_stopped_in_the_middle_goes_on_and_ends_with_the_same_bytes(
    painted: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "_PICTURES", 1)
    root = both(painted, {f"kg2/{n}.png": (n, n, n) for n in range(2, 12)})
    whole = [file.read_bytes() for file in extract(root, to="image:whole").files]
    for file in (Path(os.environ["KGPRISM_HOME"]) / "cache/features").rglob("*.safetensors"):
        file.unlink()
    encode, calls = work.encode, list[int]()

    def failing(*given: Any) -> Any:
        calls.append(1)
        if len(calls) % 4 == 0:
            raise KeyboardInterrupt
        return encode(*given)

    monkeypatch.setattr(work, "encode", failing)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            extract(root)
    made = extract(root)
    assert len(calls) == 12 + 3  # each stop has lost the picture in flight
    assert made.encoded == 12 - 3 * 3
    assert [file.read_bytes() for file in made.files] == whole


def test_texts_come_from_names_files_and_descriptions(small: str, row: Row, tmp_path: Path) -> None:
    kgprism.extract(small, texts="names", encoder="letters")
    name = "the rrr one 3"
    values = dict(zip(stored("text", "letters")["kg1"].entities, stored("text", "letters")["kg1"].values, strict=True))
    assert values[row("kg1", 3)].tolist() == [len(name), name.count("e"), 1]
    assert len(values) == 12
    (tmp_path / "said.tsv").write_text("4\tone\n4\tthree\n9\t\nnobody\tx\nName_5%C3%A9\tnow   here\n")
    made = kgprism.extract(small, texts=f"kg1={tmp_path / 'said.tsv'}", encoder="letters", to="text:said")
    found = stored("text", "said")
    rows = dict(zip(found["kg1"].entities, found["kg1"].values.tolist(), strict=True))
    assert rows == {row("kg1", 4): [4, 1.5, 1], row("kg1", 5): [8, 2, 1]}
    assert (len(found["kg2"].entities), made.strangers) == (0, ("nobody",))
    with pytest.raises(DataError, match=r"kg1/descriptions\.tsv: no such file: .*; or --texts FILE\.tsv"):
        kgprism.extract(small, texts="descriptions", encoder="letters")
    for side in ("kg1", "kg2"):
        (datasets.owned(small) / side / "descriptions.tsv").write_text("0\tlong\n")
    assert kgprism.extract(small, texts="descriptions", encoder="letters").counts["kg2"]["with"] == 1


def test_one_process_at_a_time_makes_features_of_a_dataset(painted: Paint, own_home: Path) -> None:
    with (
        locked(own_home / "cache/features/small.lock"),
        pytest.raises(RunError, match="another process makes features of small"),
    ):
        extract(both(painted))


def test_a_full_disk_is_one_line_and_what_was_encoded_stays(painted: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "_PICTURES", 1)
    write, written = chunks.Shelf.write, list[int]()

    def full(*given: Any) -> None:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(1)
        write(*given)

    with monkeypatch.context() as patch:
        patch.setattr(chunks.Shelf, "write", full)
        with pytest.raises(RunError, match=r"^no space left for .*: free some; the same command goes on from here"):
            extract(both(painted))
    assert extract(both(painted)).encoded == 1


def test_an_archive_serves_as_a_folder_does(painted: Paint, tmp_path: Path) -> None:
    root = both(painted)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, file.relative_to(root))
    first, second = extract(root, to="image:a"), extract(str(tmp_path / "all.zip"), to="image:b")
    assert (first.width, second.width) == (6, 6)
    assert [f.read_bytes() for f in first.files] == [f.read_bytes() for f in second.files]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"encoder": "colur"}, r"unknown encoder 'colur' \(did you mean 'colour'\?\)"),
        ({"encoder": "broken"}, "encoder broken .* cannot be made: 'no such thing'"),
        ({"encoder": "letters"}, "encoder letters takes texts: --text-encoder letters"),
        ({"pool": "men"}, "--pool: unknown word 'men' .*mean"),
        ({"dtype": "float8"}, "--dtype: unknown word 'float8'"),
        ({"weights": "nowhere.pt"}, r"--weights nowhere\.pt: no such file"),
    ],
)
def test_what_is_asked_for_in_vain_is_told_in_one_line(painted: Paint, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        extract(both(painted), **asked)


def test_an_encoder_that_returns_no_vectors_is_told(painted: Paint) -> None:
    with pytest.raises(RunError, match="encoder scalar: expected a vector for each of 1 items, got"):
        extract(both(painted), encoder="scalar")


def test_names_of_sets_are_plain_words(painted: Paint) -> None:
    with pytest.raises(DataError, match="is no name for a set"):
        extract(both(painted), to="image:a b")
    with pytest.raises(DataError, match="has a meaning of its own"):
        extract(both(painted), to="image:published")
