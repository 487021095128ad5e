"""Every sampler draws what the space holds; those that no result changes draw the same after a kill."""

import warnings
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import optuna
import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.sampling.indexed import Spread
from kgprism.platform.studies.search.sampling.samplers import sampler
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.spaces import samplers
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.parameter import Choice, Float, Integer
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import continued, evaluated
from kgprism.platform.studies.search.trainable import CURVE, EPOCH, VALUE

FILE = """\
schema: 1
space: small
method: loginmea
params:
  fusion: {type: choice, of: [low_rank, sum]}
  fusion.rank: {type: int, low: 2, high: 4, when: {fusion: low_rank}}
  modal_width: {type: int, low: 8, high: 32, log: true}
  train.learning_rate: {type: float, low: 1e-3, high: 2e-3, step: 1e-3}
"""
#: Of FILE with two values of modal_width.
GRID = FILE.replace("{type: int, low: 8, high: 32, log: true}", "{type: choice, of: [8, 16]}")
STARTS = ({"fusion.kind": "sum", "modal_width": 8, "train.learning_rate": 0.001}, {"fusion.kind": "low_rank"})


def region(folder: Path, text: str = FILE) -> Region:
    (folder / "small.yaml").write_text(text)
    space = spaces.read(str(folder / "small.yaml"))
    return Region(space, space.base())


def searched(
    where: Region, sampler: Any, trials: int = 7, kills: Sequence[int] = (), points: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Return what was carried out; the process dies in the trials of these numbers, and another one goes on."""
    search = samplers.Search.model_validate({"sampler": sampler, "startup": 3})
    study, tried, dying = optuna.create_study(direction="maximize"), list[dict[str, Any]](), list(kills)
    while True:
        continued(study, "sqlite:///s.db", search, 0, points, where)
        searcher = StudySearcher(study, where.suggest, trials, region=where)
        while (proposed := searcher.suggest("a")) != StudySearcher.FINISHED:
            assert proposed is not None
            if dying and len(tried) == dying[0]:
                dying.pop(0)
                break
            tried.append(proposed["overrides"])
            value = float(sum(value for value in tried[-1].values() if isinstance(value, int)))
            searcher.on_trial_complete("a", {EPOCH: 1, VALUE: value, CURVE: [(1, value)]})
        else:
            assert sum(1 for _ in evaluated(study)) == len(tried)
            return tried


def same(one: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> bool:
    return sorted(map(repr, one)) == sorted(map(repr, other))


@pytest.mark.parametrize("word", ["tpe", "random", "qmc", "cmaes", "nsga2", pytest.param("gp", marks=pytest.mark.slow)])
def test_what_is_drawn_is_in_the_space_and_nothing_is_carried_out_twice(tmp_path: Path, word: str) -> None:
    where = region(tmp_path)
    tried = searched(where, word, kills=(2, 5))
    assert len(tried) == len({repr(one) for one in tried}) == 7
    for one in tried:
        assert all(where.space.params[key].holds(value) for key, value in one.items())
        assert ("fusion.rank" in one) == (one["fusion.kind"] == "low_rank")


@pytest.mark.parametrize("word", ["random", "qmc", "grid"])
def test_a_killed_search_tries_what_it_would_have_tried(tmp_path: Path, word: str) -> None:
    where = region(tmp_path, GRID)
    undisturbed = searched(where, word, points=STARTS)
    assert undisturbed[0] == STARTS[0]
    assert same(searched(where, word, kills=(0, 2, 2, 6), points=STARTS), undisturbed)


def test_a_process_that_dies_while_a_trial_is_drawn_has_drawn_nothing(tmp_path: Path) -> None:
    where = region(tmp_path)
    study, search = optuna.create_study(), samplers.Search(sampler="random")
    continued(study, "sqlite:///s.db", search, 0)
    study.ask().suggest_categorical("fusion.kind", ["low_rank", "sum"])
    continued(study, "sqlite:///s.db", search, 0)
    proposed = StudySearcher(study, where.suggest, 4).suggest("a")
    assert proposed == {"overrides": searched(where, "random")[0]}


def test_a_grid_is_tried_once_and_then_it_is_through(tmp_path: Path) -> None:
    where = region(tmp_path, GRID)
    everything = list(where.configurations())
    assert len(everything) == (3 + 1) * 2 * 2
    tried = searched(where, "grid", trials=99, points=STARTS[:1])
    assert same(tried, everything)
    assert tried != everything  # in an order of chance


def test_a_sequence_is_spread_more_evenly_than_chance() -> None:
    params = {"a": Float(type="float", low=0, high=1), "b": Float(type="float", low=1, high=16, log=True)}
    spread = Spread(3, params, "sobol")
    for name, cells in (("a", [value / 16 for value in range(17)]), ("b", [2 ** (value / 4) for value in range(17)])):
        values = sorted(spread.value(index, name) for index in range(16))
        # One in each sixteenth of the range: for independent draws one chance in 900,000.
        assert all(low <= value <= high for low, value, high in zip(cells, values, cells[1:], strict=False))


def test_a_place_of_the_range_is_a_value_that_the_parameter_holds() -> None:
    for parameter in (
        Float(type="float", low=0.1, high=0.7, step=0.2),
        Float(type="float", low=1e-4, high=1e-2, log=True),
        Integer(type="int", low=1, high=9, step=4),
        Integer(type="int", low=1, high=1000, log=True),
        Choice(type="choice", of=[None, "a", 3]),
    ):
        places = [number / 999 * (1 - 1e-12) for number in range(1000)]
        values = [parameter.at(place) for place in places]
        assert all(map(parameter.holds, values))
        if parameter.values() and len(parameter.values()) < 10:
            assert [repr(value) for value in dict.fromkeys(values)] == [repr(value) for value in parameter.values()]


class Left(optuna.samplers.RandomSampler):
    """A sampler with a setting of its own."""

    def __init__(self, bias: float = 0.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.bias = bias


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("left", "left:Left", samplers.GROUP),
        EntryPoint("brute", "optuna.samplers:BruteForceSampler", samplers.GROUP),
        EntryPoint("none", "builtins:dict", samplers.GROUP),
        EntryPoint("gone", "nowhere:Sampler", samplers.GROUP),
    ]
    monkeypatch.setattr(samplers, "entry_points", lambda group: [point for point in points if point.group == group])
    usual = EntryPoint.load
    monkeypatch.setattr(EntryPoint, "load", lambda point: Left if point.name == "left" else usual(point))


def test_an_installed_sampler_is_found_by_its_name(installed: None, tmp_path: Path) -> None:
    where = region(tmp_path, GRID + "search: {sampler: {kind: left, bias: 0.5}}\n")
    assert where.space.search.model_dump()["sampler"] == {"kind": "left", "bias": 0.5}
    made = sampler(where.space.search, 0)
    assert isinstance(made, Left)
    assert made.bias == 0.5
    assert same(searched(where, "brute", trials=99), list(where.configurations()))


class Broken(optuna.samplers.RandomSampler):
    """A sampler whose code fails."""

    def sample_independent(self, *words: Any) -> Any:
        raise ZeroDivisionError("a bug\nof many lines")


def test_what_an_installed_sampler_ends_of_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, installed: None, tmp_path: Path
) -> None:
    monkeypatch.setattr(EntryPoint, "load", lambda point: Broken)
    with pytest.raises(ConfigurationError, match=r"^the sampler [\w.]*\.Broken: a bug$"):
        searched(region(tmp_path), "left")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("brut", "unknown word 'brut' (did you mean 'brute'?)"),
        ("{kind: left, bais: 1}", "unknown key 'bais' of the sampler left (did you mean 'bias'?)"),
        ("{kind: left, seed: 1}", "unknown key 'seed' of the sampler left"),
        ("none", "builtins:dict: no sampler of Optuna's, but dict"),
        ("gone", "the sampler gone (nowhere:Sampler) cannot be loaded: No module named 'nowhere'"),
    ],
)
def test_an_installed_sampler_that_is_none_is_told(installed: None, tmp_path: Path, word: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        region(tmp_path, f"{FILE}search: {{sampler: {word}}}\n")
    assert str(error.value).startswith(f"{tmp_path}/small.yaml:9:10: search.sampler: {told}")
    assert "\n" not in str(error.value)


def test_cmaes_with_a_sigma_warns_of_nothing() -> None:
    search = Search.model_validate({"sampler": {"kind": "cmaes", "sigma": 0.2}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(sampler(search, 0), optuna.samplers.CmaEsSampler)


def test_cmaes_without_its_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"small.yaml:9:10: .*cmaes needs the package .*: pip install cmaes"):
        region(tmp_path, FILE + "search: {sampler: cmaes}\n")


def test_a_grid_that_is_too_large_is_told(tmp_path: Path) -> None:
    wide = FILE.replace("high: 32, log: true", "high: 2000")
    with pytest.raises(ConfigurationError, match=r"small.yaml:9:10: the grid has more than 10,000 configurations"):
        region(tmp_path, wide + "search: {sampler: grid}\n")


def test_a_search_of_before_keeps_its_name_and_its_state(tmp_path: Path) -> None:
    """A word stays a word, and what earlier files could not say is not written."""
    old = region(tmp_path, FILE + "search: {sampler: random, trials: 3}\n").space.model_dump(mode="json", by_alias=True)
    assert old["search"] == {"sampler": "random", "trials": 3, "startup": 10, "seed": 0}
    assert set(old) == {"schema", "space", "method", "preset", "params", "start", "objective", "search", "schedule"}
