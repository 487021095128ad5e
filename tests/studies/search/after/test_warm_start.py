"""The best of other searches first: those that fit, as points and never as values."""

from dataclasses import replace
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.after.warm_start import BEST, fitting, parted, warm_starts
from kgprism.platform.studies.search.request import Request, request
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.study import begun, sqlite, studies_of
from kgprism.platform.studies.search.sweep import search
from kgprism.platform.studies.store.runs import Store

FILE = """schema: 1
space: {name}
method: loginmea
params:
  fusion: {{type: choice, of: [sum, low_rank]}}
  fusion.rank: {{type: int, low: {low}, high: 16, when: {{fusion: low_rank}}}}
  graph_width: {{type: int, low: 4, high: 9}}
search: {{sampler: random, trials: 3}}
"""
SMALL = {"modal_width": 8, "train.epochs": 1, "eval.every": 1, "pseudo_pairs": "none"}


def asked(folder: Path, name: str, *, low: int = 2, more: str = "", **told: str) -> Request:
    (folder / f"{name}.yaml").write_text(FILE.format(name=name, low=low) + more)
    space = spaces.read(str(folder / f"{name}.yaml"))
    return request(space, toy.aligned(), overrides=SMALL, name=name, **told)


def other(wanted: Request, trials: list) -> None:
    """Tell another search's study what it would have found on other data."""
    study = begun(wanted.name, wanted.storage, wanted.goal)
    for key, value in wanted.asked().model_copy(update={"dataset": "elsewhere"}).model_dump().items():
        study.set_user_attr(key, value)
    study.add_trials(trials)


def test_a_name_may_have_a_storage() -> None:
    assert parted("mine") == ("mine", None)
    assert parted("mine@sqlite:////a/b@c.db") == ("mine", "sqlite:////a/b@c.db")
    assert parted("me@home") == ("me@home", None)


def test_a_point_fits_where_the_space_holds_it(tmp_path: Path) -> None:
    region = asked(tmp_path, "one", low=8, more="requires: fusion.rank <= 2 * graph_width\n").region
    assert fitting(region, {"fusion": "sum", "graph_width": 5}) == {"fusion.kind": "sum", "graph_width": 5}
    # The rank is of a part that is not there.
    assert fitting(region, {"fusion.kind": "sum", "fusion.rank": 2, "graph_width": 5, "lost": 1}) is not None
    assert fitting(region, {"fusion.kind": "low_rank", "fusion.rank": 2, "graph_width": 5}) is None
    assert fitting(region, {"fusion.kind": "concat", "graph_width": 5}) is None
    assert fitting(region, {"fusion.kind": "low_rank", "fusion.rank": 16, "graph_width": 5}) is None
    assert fitting(region, {"fusion.kind": "low_rank", "fusion.rank": 16, "graph_width": 8}) is not None


def test_the_best_that_fit_come_first_and_no_value_comes_with_them(inline: None, tmp_path: Path) -> None:
    import optuna
    from optuna.distributions import CategoricalDistribution, IntDistribution

    kinds, widths = CategoricalDistribution(["sum", "low_rank"]), IntDistribution(4, 99)
    before = asked(tmp_path, "other", storage=sqlite(tmp_path / "other.db"))
    trials = [
        optuna.trial.create_trial(
            value=value,
            params={"fusion.kind": "sum", "graph_width": width},
            distributions={"fusion.kind": kinds, "graph_width": widths},
            user_attrs={"run": f"{width:016}"},
        )
        for value, width in [(0.1, 4), (0.9, 99), (0.8, 7), (0.5, 5), (0.8, 7), (0.7, 6)]
    ]
    other(before, trials)
    wanted = asked(tmp_path, "mine", more=f"warm_start: other@{before.storage}\n")
    (warm,) = warm_starts(wanted)
    assert [point["graph_width"] for point in warm.points] == [7, 7, 6, 5, 4][:BEST]
    assert str(warm) == "warm start: the best 5 of other on elsewhere are tried first"
    assert wanted.identity == asked(tmp_path, "mine").identity
    sweep = search(wanted, Store())
    assert sweep.trials["params_graph_width"].tolist()[:3] == [7, 6, 5]
    assert not {0.9, 0.8, 0.5} & set(sweep.trials["value"])
    # A search that has begun needs the other one no more.
    Path(tmp_path / "other.db").unlink()
    assert len(search(replace(wanted, trials=4), Store()).trials) == 4


def test_what_cannot_be_started_from_is_told(tmp_path: Path) -> None:
    wanted = asked(tmp_path, "mine")
    other(replace(wanted, name="first"), [])
    named = replace(wanted, space=wanted.space.model_copy(update={"warm_start": ("frist",)}))
    with pytest.raises(ConfigurationError, match=r"warm start: no search 'frist' \(did you mean 'first'\?\)"):
        warm_starts(named)
    file = str(tmp_path / "mine.yaml")
    wrong = asked(tmp_path, "mine", more="warm_start: [first, nonono]\n")
    with pytest.raises(ConfigurationError, match=r"mine.yaml:9:21: .* no search 'nonono'.* needs NAME@STORAGE$"):
        warm_starts(wrong, file)
    (study,) = studies_of(wanted.storage, "first")
    study.set_user_attr("method", "eva")
    named = replace(wanted, space=wanted.space.model_copy(update={"warm_start": ("first",)}))
    with pytest.raises(ConfigurationError, match="'first' tunes eva, not loginmea"):
        warm_starts(named)
