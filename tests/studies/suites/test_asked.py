"""What is asked of a suite with other settings has a place of its own, and each table names the others."""

from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.reports.table import asked_table
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.asked import Asked, options
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import load_manifest, save_manifest
from kgprism.platform.studies.suites.suite import Suite


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "home"))


def ask(suite: Suite, graphs: AlignedGraphs, **given: object) -> Asked:
    asked = Asked.of(suite, overrides=given)
    cells = expand(suite, {"toy": graphs}, seeds=1, overrides=given)
    save_manifest(asked.folder, suite, cells, overrides=given, command="kgprism ablate small")
    return asked


def test_only_other_settings_have_another_place(small: Suite, tmp_path: Path) -> None:
    own = Asked.of(small)
    assert own == Asked.of(small, small.preset, {})
    assert (own.name, own.folder) == ("small", tmp_path / "home/studies/small")
    other = Asked.of(small, overrides={"train.epochs": 1, "modal_width": 4})
    assert other.folder == Asked.of(small, overrides={"modal_width": 4, "train.epochs": 1}).folder
    assert other.folder.parent == own.folder
    assert other.name == f"small-{other.folder.name}"
    places = {Asked.of(small, *given).name for given in ((), ("code",), (None, {"x": 1}), ("code", {"x": 1}))}
    assert len(places) == 4


def test_other_settings_leave_the_suites_own_table_alone(small: Suite, graphs: AlignedGraphs, store: Store) -> None:
    own = ask(small, graphs)
    before = load_manifest(own.folder)
    other = ask(small, graphs, **{"train.epochs": 1})
    assert load_manifest(own.folder) == before
    told = "Other settings of this suite: kgprism report my.yaml --set train.epochs=1"
    assert told in asked_table(small, own.folder, store, called="my.yaml").notes
    notes = asked_table(small, other.folder, store).notes
    assert "Settings of this table: --set train.epochs=1; the suite's own: kgprism report small." in notes
    assert not any(note.startswith("Other settings") for note in notes)
    third = ask(small, graphs, modalities=["attribute"])
    notes = asked_table(small, third.folder, store).notes
    assert told.replace("my.yaml", "small") in notes


def test_settings_that_were_never_asked_name_those_that_were(small: Suite, graphs: AlignedGraphs) -> None:
    never = Asked.of(small, "code", {"train.epochs": 2})
    with pytest.raises(ConfigurationError, match=r"^small was never asked with --preset code --set train.epochs=2$"):
        never.known()
    ask(small, graphs, **{"train.epochs": 1})
    with pytest.raises(ConfigurationError, match=r"; asked were: --set train.epochs=1$"):
        never.known()
    assert Asked.of(small).known() == Asked.of(small)


def test_options_can_be_typed_again() -> None:
    told = options("code", {"fusion": "sum", "eval.csls_k": 3, "modalities": ["a", "b"], "train.clip": None})
    assert (
        told
        == """--preset code --set fusion=sum --set eval.csls_k=3 --set 'modalities=["a", "b"]' --set train.clip=null"""
    )
