"""Files of our own that are read back: a schema each, and a place for what does not pass."""

from pathlib import Path

import pytest
from pydantic import Field

from kgprism.platform.errors import DataError
from kgprism.platform.kept import DamagedError, Kept, SetAsideWarning, checked, read, set_aside


class Thing(Kept):
    number: float
    words: tuple[str, ...] = ()
    inner: dict[str, int] = Field(default_factory=dict)


def test_what_was_written_is_read_to_the_last_digit_and_what_is_new_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"number": 0.1234567890123456789, "words": ["λ"], "later": 1}', encoding="utf-8")
    assert read(tmp_path / "a.json", Thing) == Thing(number=0.1234567890123456789, words=("λ",))
    (tmp_path / "a.json").write_text('{"number": NaN}', encoding="utf-8")
    found = read(tmp_path / "a.json", Thing)
    assert found is not None
    assert found.number != found.number
    assert read(tmp_path / "nowhere" / "a.json", Thing) is None


def test_numbers_that_are_not_finite_are_read_as_they_were_written(tmp_path: Path) -> None:
    for number in (float("nan"), float("inf"), float("-inf")):
        (tmp_path / "a.json").write_text(Thing(number=number).model_dump_json(), encoding="utf-8")
        found = read(tmp_path / "a.json", Thing)
        assert found is not None
        assert str(found.number) == str(number)


def test_a_file_where_a_folder_belongs_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("kept", encoding="utf-8")
    with pytest.raises(DataError, match="folder: a file stands where a folder belongs: move it away"):
        set_aside(tmp_path / "folder" / "a.json", DamagedError("why"))
    assert (tmp_path / "folder").read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"number": "1"}', "a.json: number: "),
        ('{"number": true}', "a.json: number: "),
        ('{"number": 1, "inner": {"x": 1.5}}', "a.json: inner.x: "),
        ('{"number": 1, "words": "word"}', "a.json: words: "),
        ("[]", "a.json: "),
        ("{", "a.json: Invalid JSON"),
        (100_000 * "[", "a.json: Invalid JSON: recursion limit"),
    ],
)
def test_anything_else_is_damaged_and_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(DamagedError) as caught:
        read(tmp_path / "a.json", Thing)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    (tmp_path / "b").write_text("", encoding="utf-8")
    for place in (tmp_path / "a.json", tmp_path / "b" / "a.json"):
        with pytest.raises(DamagedError, match=r"directory: a\.json"):
            read(place, Thing)


def test_content_of_another_form_is_checked_alike() -> None:
    assert checked({"number": 2.5}, Thing, "x.pt").number == 2.5
    with pytest.raises(DamagedError, match=r"x\.pt: number: "):
        checked({"number": "2.5"}, Thing, "x.pt")


def test_nothing_that_was_set_aside_is_lost(tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        (tmp_path / "a").write_text(text, encoding="utf-8")
        with pytest.warns(SetAsideWarning, match=r"a: damaged \(why\): set aside as .*, to be made again$"):
            set_aside(tmp_path / "a", DamagedError("why"))
    kept = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / ".damaged").iterdir()}
    assert kept == {"a": "one", "a-2": "two", "a-3": "three"}


def test_whoever_was_faster_is_as_good(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    set_aside(tmp_path / "gone", DamagedError("why"))
    assert not recwarn


def test_what_cannot_be_moved_stays_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("kept", encoding="utf-8")
    (tmp_path / ".damaged").write_text("a file stands here", encoding="utf-8")
    with pytest.raises(DataError, match=r"a: damaged \(why\), and it cannot be set aside \(.*\): move it away"):
        set_aside(tmp_path / "a", DamagedError("why"))
    assert (tmp_path / "a").read_text(encoding="utf-8") == "kept"
