"""Which keys rows are tuned in, and what is refused before anything runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.fair.keys import refuse_unknown, tuned
from kgprism.platform.studies.fair.rows import Search, searches
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.run import plan


def by_row(suite: Suite, graphs: AlignedGraphs, file: Path, **given: object) -> dict[str, Search]:
    cells = expand(suite, {"toy": graphs}, overrides=given)
    return {one.place[0]: one for one in searches(suite, cells, {"toy": graphs}, overrides=given, called=str(file))}


def test_a_row_is_tuned_in_those_keys_that_it_has(
    fair: Callable[..., Suite], graphs: AlignedGraphs, tmp_path: Path
) -> None:
    found = by_row(fair(), graphs, tmp_path / "fair.yaml")
    assert found["whole"].keys == ("fusion.rank", "train.learning_rate")
    assert (found["sum"].keys, found["sum"].left) == (("train.learning_rate",), {"fusion.rank": "the row has none"})
    assert found["slow"].wanted is None
    assert found["slow"].left == {"fusion.rank": "the row has none", "train.learning_rate": "the row is about it"}
    # Its own method's space, whose parameters may have other bounds.
    assert found["eva"].keys == ("train.learning_rate",)
    asked = found["eva"].wanted
    assert asked is not None
    assert asked.space.method == "eva"


def test_a_search_is_around_the_row_as_it_is(fair: Callable[..., Suite], graphs: AlignedGraphs, tmp_path: Path) -> None:
    for one in by_row(fair(), graphs, tmp_path / "fair.yaml").values():
        asked, frozen = one.wanted, one.frozen
        if asked:
            assert (asked.trials, asked.seed) == (3, 5)
            same = {key: frozen.configuration[key] for key in one.keys}
            assert plan(frozen.method, graphs, 5, asked.overrides, same, preset=asked.preset).id == frozen.id
            assert [cell.run.id for cell in one.cells_with(same)] == [cell.run.id for cell in one.cells]
        assert [cell.seed for cell in one.cells] == [5, 6, 7]
    names = [one.wanted.name for one in by_row(fair(), graphs, tmp_path / "fair.yaml").values() if one.wanted]
    assert len(set(names)) == 3
    assert all(name.startswith("fair-") and "-toy-0.5-" in name for name in names)


def test_what_is_set_from_outside_is_not_tuned(
    fair: Callable[..., Suite], graphs: AlignedGraphs, tmp_path: Path
) -> None:
    found = by_row(fair(), graphs, tmp_path / "fair.yaml", **{"train.learning_rate": 1e-2})
    assert (found["whole"].keys, found["whole"].left) == (("fusion.rank",), {"train.learning_rate": "set by --set"})


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("fusion.rank]", "fusion.rnk]", "14:31", "'fusion.rnk' is no parameter of loginmea or eva (did you mean"),
        ("  trials: 3", "  space: login", "15:3", "tuning.space: unknown search space 'login' (did you mean 'login"),
        ("  trials: 3", "  space: dhns", "15:3", "dhns tunes dhns, of which the suite has no row (known: eva, login"),
        ("  trials: 3", "  sampler: radom", "15:3", "unknown word 'radom' (did you mean 'random'?)"),
        (
            "train.learning_rate, fusion.rank]",
            "train.learning_rate, loss.temperature]",
            "14:31",
            "'loss.temperature' makes the full method the row 'hot': it cannot be tuned",
        ),
        (
            "  trials: 3",
            "  params: {modal_widht: {type: int, low: 1, high: 9}}",
            "15:12",
            "unknown key 'modal_widht' (did you mean 'modal_width'?)",
        ),
        ("  trials: 3", "  params: {eval.every: {type: int, low: 1, high: 2}}", "15:12", "eval.every"),
        ("  trials: 3", "  params: {modal_width: {type: int, low: 9, high: 1}}", "15:", "modal_width"),
        (
            "  trials: 3",
            "  params: {modal_width: {type: int, low: 1, high: 9, setp: 2}}",
            "15:",
            "'setp' (did you mean 'step'?)",
        ),
        (
            "  trials: 3",
            "  params: {loss.temperature: {type: float, low: 1e-2, high: 1}}\n  sampler: grid",
            "14:10",
            "train.learning_rate: a grid needs a step, or type: choice with its values",
        ),
        (
            "  keys: [train.learning_rate, fusion.rank]",
            "  params: {modal_width: {type: int, low: 0, high: 9, step: 0}}",
            "14:54",
            "step: Input should be greater than or equal to 1",
        ),
        (
            "  keys: [train.learning_rate, fusion.rank]",
            "  params: {loss.temperature: {type: float, low: 1e-2, high: 1}}\n  sampler: {kind: grid}",
            "14:12",
            "loss.temperature: a grid needs a step, or type: choice with its values",
        ),
        (
            "  keys: [train.learning_rate, fusion.rank]",
            "  params: {modal_width: {type: int, low: 1, high: 90000}}\n  sampler: grid",
            "15:3",
            "the grid has more than 10,000 configurations",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused(
    fair: Callable[..., Suite], tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    row = ("  - {id: eva, method: eva}", "  - {id: hot, override: {loss.temperature: 0.2}}\n  - {id: eva, method: eva}")
    suite = fair(*([row] if "hot" in message else []), (old, new))
    with pytest.raises(ConfigurationError) as refused:
        tuned(suite, str(tmp_path / "fair.yaml"))
    line, _, column = place.partition(":")
    where = f"fair.yaml:{int(line) + ('hot' in message)}:{column}"
    assert where in str(refused.value)
    assert message in str(refused.value)


def test_what_a_row_is_compared_with_must_not_become_the_row(fair: Callable[..., Suite], tmp_path: Path) -> None:
    rows = [
        "  - {id: rival, method: eva, override: {train.epochs: 2}}",
        "  - {id: swift, versus: rival, method: eva, override: {train.epochs: 2, train.learning_rate: 1e-3}}",
    ]
    suite = fair(("  - {id: eva, method: eva}", "\n".join(rows)))
    with pytest.raises(ConfigurationError) as refused:
        tuned(suite, str(tmp_path / "fair.yaml"))
    assert "fair.yaml:15:10: 'train.learning_rate' makes row 'rival' the row 'swift': it cannot" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  mode: per_variant\n", "", "fair.yaml:12:1: tuning: mode: expected per_variant, or none to switch it off"),
        ("  keys: [train.learning_rate, fusion.rank]\n", "", "fair.yaml:12:1: tuning: keys: expected keys of a search"),
        ("fusion.rank]", "train.learning_rate]", "fair.yaml:14:3: tuning: keys: 'train.learning_rate' is there twice"),
        ("  trials: 3", "  trails: 3", "fair.yaml:15:3: unknown key 'trails' (did you mean 'trials'?)"),
        ("  trials: 3", "  trials: 0", "fair.yaml:15:3: tuning.trials: Input should be greater than or equal to 1"),
    ],
)
def test_the_reader_refuses_what_says_nothing(fair: Callable[..., Suite], old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        fair((old, new))
    assert message in str(refused.value)


def test_keys_are_known_also_where_nothing_is_tuned(fair: Callable[..., Suite], tmp_path: Path) -> None:
    file, off = str(tmp_path / "fair.yaml"), ("mode: per_variant", "mode: none")
    refuse_unknown(fair(off), file)
    with pytest.raises(ConfigurationError, match=r"fair.yaml:14:10: 'bogus' is no parameter of loginmea or eva"):
        refuse_unknown(fair(off, ("[train.learning_rate, fusion.rank]", "[bogus]")), file)


def test_a_suite_that_takes_another_changes_its_tuning_key_by_key(fair: Callable[..., Suite], tmp_path: Path) -> None:
    from kgprism.platform.studies.suites.suite import read

    fair()
    (tmp_path / "other.yaml").write_text("schema: 1\nsuite: other\nextends: fair.yaml\ntuning: {trials: 7}\n")
    taken = read(str(tmp_path / "other.yaml")).tuning
    assert (taken.mode, taken.trials, taken.keys) == ("per_variant", 7, ("train.learning_rate", "fusion.rank"))
    (tmp_path / "other.yaml").write_text("schema: 1\nsuite: other\nextends: fair.yaml\ntuning: {mode: none}\n")
    assert not read(str(tmp_path / "other.yaml")).tuning.wanted
