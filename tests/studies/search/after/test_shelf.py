"""The pages of all searches of a home: each is drawn when something has happened, and only then."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from kgprism.platform.studies.search.after import shelf
from kgprism.platform.studies.search.after.findings import Findings
from kgprism.platform.studies.search.after.shelf import pages
from kgprism.platform.studies.search.study import sqlite


@pytest.fixture
def study(own_home: Path) -> optuna.Study:
    """A search that another program has begun, called so that no address can have it as it is."""
    file = own_home / "studies" / "tiny" / "optuna.db"
    file.parent.mkdir(parents=True)
    return optuna.create_study(storage=sqlite(file), study_name="first & <b> #1?", direction="maximize")


def tried(study: optuna.Study, value: float) -> None:
    trial = study.ask({"width": optuna.distributions.IntDistribution(1, 9)})
    trial.set_user_attr("run", f"run {value}")
    study.tell(trial, value)


def test_a_search_is_drawn_when_something_has_happened(study: optuna.Study, own_home: Path, tmp_path: Path) -> None:
    drawn: list[str] = []
    wrong: list[str] = []
    tried(study, 0.25)
    (own_home / "studies" / "broken").mkdir()
    (own_home / "studies" / "broken" / "optuna.db").write_text("text", encoding="utf-8")

    def again() -> list[str]:
        drawn.clear()
        wrong.clear()
        (line,) = pages(tmp_path / "site", wrong.append, drawn.append)
        assert (line.name, line.best, line.trials) == (
            study.study_name,
            f"{study.best_value:.3f}",
            str(len(study.trials)),
        )
        assert line.page == "searches/first%20%26%20%3Cb%3E%20%231%3F.html"
        assert len(wrong) == 1
        return list(drawn)

    assert again() == [study.study_name]
    assert (tmp_path / "site" / "searches" / f"{study.study_name}.html").is_file()
    assert again() == []
    tried(study, 0.5)
    assert again() == [study.study_name]
    (tmp_path / "site" / "searches" / f"{study.study_name}.html").unlink()
    assert again() == [study.study_name]
    study.set_user_attr("repeated", {"1": {"0": "0" * 16, "1": "1" * 16}})
    assert again() == [study.study_name]
    assert "0 of 2 seeds" in (tmp_path / "site" / "searches" / f"{study.study_name}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "told",
    [
        {"repeated": {"2": {"zz": "q"}}},
        {"repeated": {"zz": {"0": "q"}}},
        {"repeated": {"0": {"0": "../.."}}},
        {"repeated": "q"},
        {"exhausted": "q"},
        {"spent": "q", "ended": 3, "driver": [1]},
        {"space": {"params": "q"}, "search": 1},
    ],
)
def test_a_damaged_attribute_is_taken_as_not_there(study: optuna.Study, tmp_path: Path, told: dict[str, Any]) -> None:
    tried(study, 0.25)
    for key, value in told.items():
        study.set_user_attr(key, value)
    wrong: list[str] = []
    (line,) = pages(tmp_path / "site", wrong.append)
    assert (line.best, bool(line.page), wrong) == ("0.250", True, [])


def test_one_damaged_search_is_left_out_and_no_other(
    study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried(study, 0.25)
    other = optuna.create_study(storage=study._storage, study_name="other", direction="maximize")
    tried(other, 0.5)
    draw = shelf.page

    def page(told: Findings, *more: Any) -> str:
        return draw(told, *more) if told.name == "other" else str({}["params"])

    monkeypatch.setattr(shelf, "page", page)
    wrong: list[str] = []
    assert [bool(line.page) for line in pages(tmp_path / "site", wrong.append)] == [False, True]
    assert wrong == [f"search '{study.study_name}': cannot be read: it is damaged ('params')"]
