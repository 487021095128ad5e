"""Suites and search spaces by name: shipped, brought by a package, or named as missing."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.plain_yaml import read_yaml
from kgprism.platform.studies.suites.reading import shelf as shelves
from kgprism.platform.studies.suites.reading.document import open_document
from kgprism.platform.studies.suites.reading.shelf import broken, methods_of, outline, shelf

SUITES = "kgprism.ablations"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that fails when it is imported, with a folder of suites; and two entry points that lead nowhere."""
    (tmp_path / "planted/inside").mkdir(parents=True)
    (tmp_path / "planted/__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    values = {"good": "planted.inside", "bad": "planted.outside", "gone": "nowhere_at_all"}
    points = [EntryPoint(name, value, SUITES) for name, value in values.items()]
    monkeypatch.setattr(shelves, "entry_points", lambda *, group: points if group == SUITES else [])
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "planted/inside"


def test_a_package_adds_its_files_and_is_not_imported(planted: Path) -> None:
    (planted / "mine.yaml").write_text("suite: mine\n", encoding="utf-8")
    (planted / "demo.yaml").write_text("suite: another\n", encoding="utf-8")
    found = shelf(SUITES)
    assert (found["mine"].file, found["mine"].origin) == (planted / "mine.yaml", "planted")
    assert found["loginmea_table3"].origin == "kgprism"
    assert open_document(SUITES, "demo").content == {"suite": "another"}  # as with methods, the package's comes first
    assert "planted" not in sys.modules
    assert list(found) == sorted(found)


@pytest.mark.usefixtures("planted")
def test_an_entry_point_that_leads_nowhere_is_named_and_stops_nothing() -> None:
    assert "demo" in shelf(SUITES)
    bad, gone = broken(SUITES)
    assert bad == f"planted: the entry point bad = planted.outside of {SUITES} is no installed folder"
    assert gone.startswith("nowhere_at_all: ")


@pytest.mark.parametrize("end", ["notes: [x]\n", "", "notes: [x]"])
@pytest.mark.parametrize(
    "reference", ["reference:\n  - {a: 1}\n\n# b\n- {a: 2}\n", "reference: # c\n- a:\n    1\n", ""]
)
def test_an_outline_is_the_file_without_its_published_numbers(tmp_path: Path, reference: str, end: str) -> None:
    rest = "suite: mine\nvariants:\n- {id: reference}\n"
    (tmp_path / "mine.yaml").write_text(rest + reference + end, encoding="utf-8")
    assert outline(tmp_path / "mine.yaml") == read_yaml(rest + end)[0]


@pytest.mark.parametrize("text", ["a: [", "- a", "\xff"])
def test_an_outline_that_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:[^\n]+$"):
        outline(tmp_path / "mine.yaml")


def test_methods_of_an_outline_are_its_own_and_those_of_its_rows() -> None:
    rows = [{"id": "a"}, {"id": "b", "method": "kge"}, {"id": "c", "method": "dhns"}, "no row"]
    assert methods_of({"method": "dhns", "variants": rows}) == ["dhns", "kge"]
    assert methods_of({"method": 3}) == []
