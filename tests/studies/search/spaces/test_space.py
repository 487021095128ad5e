"""Search space files: what is accepted, what is refused and how, and what is drawn."""

from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution

from kgprism.platform import configuration
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.space import Space

HEAD = "schema: 1\nspace: small\nmethod: loginmea\n"
PARAMS = """\
params:
  fusion: {type: choice, of: [low_rank, sum]}
  fusion.rank: {type: int, low: 4, high: 32, log: true, when: {fusion: low_rank}}
  train.learning_rate: {type: float, low: 1e-4, high: 1e-2, log: true}
  propagation.depth: {type: int, low: 1, high: 5, step: 2, when: {propagation: [relation_reflection, attention]}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Space:
    return _read(tmp_path, HEAD + PARAMS + "start:\n  - {fusion.rank: 16, train.learning_rate: 5e-3}\n")


def _read(folder: Path, text: str) -> Space:
    (folder / "small.yaml").write_text(text)
    return spaces.read(str(folder / "small.yaml"))


def _drawn(space: Space, count: int, base: dict[str, object] | None = None) -> list[dict[str, object]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    return [space.suggest(study.ask(), base) for _ in range(count)]


#: AdaMF's scripts run its adversary at weight 0, for which a logarithmic range has no place: its start is without one.
STARTS_BESIDE_ITS_PRESETS = {"adamf"}


@pytest.mark.parametrize("name", sorted(set(spaces.space_names()) - STARTS_BESIDE_ITS_PRESETS))
def test_shipped_spaces_start_at_a_preset(name: str) -> None:
    space = spaces.read(name)
    method = load(space.method)
    presets = [configuration.flatten(configuration.resolve(method.Config, one)) for one in method.presets.values()]
    assert any({**preset, **point} == preset for preset in presets for point in space.points())


def test_numbers_are_yaml_1_2(small: Space) -> None:
    rate = small.params["train.learning_rate"]
    assert rate.edges() == [0.0001, 0.01]


def test_a_slot_has_one_address(small: Space) -> None:
    assert list(small.params)[:2] == ["fusion.kind", "fusion.rank"]
    assert small.params["fusion.rank"].conditions() == {"fusion.kind": ["low_rank"]}


def test_a_parameter_is_drawn_when_its_condition_holds_and_only_then(small: Space) -> None:
    drawn = _drawn(small, 60)
    assert {"fusion.rank" in one for one in drawn} == {True, False}
    assert all(("fusion.rank" in one) == (one["fusion.kind"] == "low_rank") for one in drawn)
    assert all(4 <= one["fusion.rank"] <= 32 for one in drawn if "fusion.rank" in one)
    assert {one["propagation.depth"] for one in drawn} == {1, 3, 5}


def test_a_condition_may_be_about_what_is_not_tuned(small: Space) -> None:
    config = load("loginmea").Config
    base = configuration.flatten(configuration.resolve(config, {"propagation": "none"}))
    assert all("propagation.depth" not in one for one in _drawn(small, 20, base))


def test_what_the_user_sets_is_not_tuned(small: Space) -> None:
    pinned = small.pinned({"fusion": "sum", "train.learning_rate": 1e-3})
    base = configuration.flatten(configuration.resolve(load("loginmea").Config, {"fusion": "sum"}))
    assert all(list(one) == ["propagation.depth"] for one in _drawn(pinned, 10, base))


def test_every_draw_is_a_configuration(small: Space) -> None:
    for one in _drawn(small, 30):
        assert configuration.resolve(load("loginmea").Config, small.base(), one)


def test_starting_points_are_filled_from_the_preset_within_the_bounds(small: Space) -> None:
    # The default depth, 2, is none of 1, 3, 5: the sampler draws it.
    assert small.points() == [{"fusion.kind": "low_rank", "fusion.rank": 16, "train.learning_rate": 0.005}]


def test_a_whole_number_may_be_written_as_a_power_of_ten(tmp_path: Path) -> None:
    space = _read(
        tmp_path, HEAD + "params:\n  train.epochs: {type: int, low: 1, high: 1e4}\nstart: [{train.epochs: 1e3}]\n"
    )
    (point,) = space.points()
    assert point == {"train.epochs": 1000}
    assert type(point["train.epochs"]) is int


def test_distributions_are_those_of_the_parameters_that_exist(small: Space) -> None:
    beside_sum = small.distributions({"fusion": "sum"})
    assert list(beside_sum) == ["fusion.kind", "train.learning_rate", "propagation.depth"]
    assert beside_sum["fusion.kind"] == CategoricalDistribution(["low_rank", "sum"])
    assert small.distributions({"fusion.kind": "low_rank"})["fusion.rank"] == IntDistribution(4, 32, log=True)


BAD = {
    "params:\n  fusoin: {type: choice, of: [sum]}\n": (5, "unknown key 'fusoin' (did you mean 'fusion'?)"),
    "params:\n  lr: {type: float, low: 1, high: 8}\n": (5, "unknown key 'lr' (did you mean 'train.learning_rate'?)"),
    "params:\n  fusion.rank: {type: int, low: 0, high: 8}\n": (5, "fusion.rank: Input should be greater than"),
    "params:\n  fusion.rank: {type: int, low: 8, high: 4}\n": (5, "low"),
    "params:\n  fusion.rank: {type: int, low: 1, high: 4, step: 2}\n": (5, "high is not low plus a number of steps"),
    "params:\n  fusion.rank: {type: int, low: 1, high: 4, step: 0}\n": (
        5,
        "step: Input should be greater than or equal to 1",
    ),
    "params:\n  fusion.rank: {type: int, low: 1, log: true}\n": (5, "'params.fusion.rank.high' is missing"),
    "params:\n  fusion.rank: {type: int, low: 1, high: 4, stepp: 1}\n": (5, "'stepp' (did you mean 'step'?)"),
    "params:\n  fusion.rank: {type: itn, low: 1, high: 4}\n": (5, "'itn' (did you mean 'int'?)"),
    "params:\n  fusion: {type: choice, of: [low_rank, smu]}\n": (5, "'smu' (did you mean 'sum'?)"),
    "params:\n  fusion: {type: choice, of: [sum, sum]}\n": (5, "stands twice"),
    "params:\n  fusion:\n    type: choice\n    of: [sum, low_rank]\n  fusion.rank: {type: int, low: 1, high: 4}\n": (
        8,
        "beside fusion.kind: sum",
    ),
    "params:\n  fusion.rank:\n    type: int\n    low: 1\n    high: 4\n    when: {fusoin: sum}\n": (
        9,
        "'fusoin' is neither tuned nor part of the configuration (did you mean 'fusion'?)",
    ),
    PARAMS.replace("when: {fusion: low_rank}", "when: {fusion: low_rnak}"): (6, "(did you mean 'low_rank'?)"),
    "params:\n  fusion.rank: {type: int, low: 1, high: 4, when: {fusion: sum}}\n": (5, "unknown key 'fusion.rank'"),
    "params:\n  fusion.rank: {type: int, low: 1, high: 4}\n  fusion: {type: choice, of: [sum]}\n": (
        5,
        "unknown key 'fusion.rank'",
    ),
    "params:\n  modal_width: {type: int, low: 1, high: 4, when: {fusion: sum}}\n"
    "  fusion: {type: choice, of: [sum]}\n": (5, "'fusion' must stand above 'modal_width'"),
    "params:\n  train.learning_rate: {type: float, low: 1e-4, high: .inf}\n": (
        5,
        "high: Input should be a finite number",
    ),
    "params:\n  train.learning_rate: {type: float, low: .nan, high: 1}\n": (5, "low: Input should be a finite number"),
    "params:\n  train.learning_rate: {type: choice, of: [.inf, 1]}\n": (5, "Input should be a finite number, got inf"),
    "params:\n  train.epochs: {type: int, low: 1, high: 1e18}\n": (5, "high: Input should be less than or equal to"),
    PARAMS + "start:\n  - {rank: 4}\n": (10, "'rank' is not tuned (did you mean 'fusion.rank'?)"),
    PARAMS + "start:\n  - {modal_width: 100}\n": (10, "'modal_width' is not tuned"),
    PARAMS + "start:\n  - fusion: sum\n    train.learning_rate: 0.1\n": (11, "train.learning_rate is never 0.1"),
    PARAMS + "objective: {metric: test/l2r/mrr}\n": (9, "metric"),
    PARAMS + "search: {sampler: tep}\n": (9, "search.sampler: unknown word 'tep' (did you mean 'tpe'?)"),
    PARAMS + "search: {sampler: {kind: tpe, grup: true}}\n": (9, "unknown key 'grup' (did you mean 'group'?)"),
    PARAMS + "search: {sampler: {kind: tpe, group: true}}\n": (9, "group: needs multivariate: true"),
    PARAMS + "search: {sampler: grid}\n": (7, "train.learning_rate: a grid needs a step, or type: choice"),
    PARAMS + "objectives: []\n": (9, "objectives: expected at least one"),
    PARAMS + "search: {sampler: {kind: tpe, multivariate: 'yes'}}\n": (9, "multivariate: Input should be a valid bool"),
    PARAMS + "search: {trails: 5}\n": (9, "unknown key 'trails' (did you mean 'trials'?)"),
    PARAMS + "schedule: {kind: asha, min: 5, max: 2}\n": (9, "min is larger than max"),
    PARAMS + "schedul: {kind: none}\n": (9, "unknown key 'schedul' (did you mean 'schedule'?)"),
    PARAMS + "preset: papre\n": (9, "no preset 'papre' (did you mean 'paper'?)"),
    PARAMS + "space: twice\n": (9, "not YAML"),
    "params: {}\n": (4, "params"),
    "params: [\n": (5, "not YAML"),
}


@pytest.mark.parametrize("text", BAD)
def test_a_mistake_is_told_with_file_line_and_nearest_word(tmp_path: Path, text: str) -> None:
    line, message = BAD[text]
    with pytest.raises(ConfigurationError) as error:
        _read(tmp_path, HEAD + text)
    assert str(error.value).startswith(f"{tmp_path / 'small.yaml'}:{line}:"), error.value
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_method_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"small.yaml:3:1: unknown method 'loginmae' \(did you mean"):
        _read(tmp_path, HEAD.replace("loginmea", "loginmae") + PARAMS)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown search space 'logimea' \(did you mean 'loginmea'\?\)"):
        spaces.read("logimea")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.yaml: cannot be read: No such file"):
        spaces.read(str(tmp_path / "none.yaml"))
