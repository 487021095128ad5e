"""Files that people write: whatever stands in one, or in its name, is read or refused in one line."""

from pathlib import Path

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.reading.document import open_document


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        ("title: A small suite", "title: !!int abc", 3, "not YAML: 'abc' is no int"),
        ("title: A small suite", 'title: "a \\ud800"', 3, r"\ud800 is half of a letter"),
        ("modal_width: 8", "modal_width: 2024-13-45", 8, "modal_width"),
        ("{fusion: sum}", "{fusion: " + 900 * "[" + 900 * "]" + "}", 1, "too deep"),
        ("{fusion: sum}", "{fusion: &a [*a]}", 19, "too deep"),
        ("{fusion: sum}", "{1: sum}", 19, "expected a word as a key"),
        ("suite: small", "suite: ..", 2, "suite: expected at most 60 letters"),
        ("suite: small", "suite: .small", 2, "suite: expected at most 60 letters"),
        ("suite: small", "suite: a/b", 2, "suite: expected at most 60 letters"),
        ("suite: small", f"suite: {61 * 'a'}", 2, "suite: expected at most 60 letters"),
        ("id: blind", "id: ..", 20, "variants.2.id: expected at most 60 letters"),
        ("id: blind", f"id: {300 * 'x'}", 20, "variants.2.id: expected at most 60 letters"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_line(
    text: str, tmp_path: Path, good: str, bad: str, line: int, message: str
) -> None:
    assert good in text
    file = tmp_path / "suite.yaml"
    file.write_text(text.replace(good, bad, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        suites.read(str(file))
    assert str(caught.value).startswith(f"{file}:{line}:")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a\0b.yaml", f"{300 * 'x'}.yaml", "folder.yaml", "nowhere/x.yaml", "latin.yaml"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"suite: \xe9")
    with pytest.raises(ConfigurationError) as caught:
        open_document("kgprism.ablations", tmp_path / name)
    assert repr(name)[1:-1] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_of_the_most_letters_has_room_in_every_file_system(text: str, tmp_path: Path) -> None:
    name = 60 * "𠀀"  # four bytes each
    (tmp_path / "suite.yaml").write_text(text.replace("suite: small", f"suite: {name}"), encoding="utf-8")
    assert suites.read(str(tmp_path / "suite.yaml")).suite == name
    (tmp_path / f".{name}.html.12345678").write_text("", encoding="utf-8")
