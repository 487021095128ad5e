"""Requirements: the grammar against Python's own answers, what is refused, and searches that keep them."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.listing import named
from kgprism.platform.studies.search.request import request
from kgprism.platform.studies.search.sampling.proposals import ASTRAY
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.constraint import NotReckonedError, parsed
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.spaces.repeats import parse_repeats
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.spaces.space import Space
from kgprism.platform.studies.search.study import continued, evaluated

FLAT: dict[str, Any] = {"fusion.kind": "low_rank", "fusion.rank": 8, "width": 32, "rate": 0.5, "views": ["a", "b"]}
TRUE = (
    "fusion.rank <= width",
    "4 < fusion.rank / 2 + 1 <= 5",
    "fusion == 'low_rank' and fusion.kind != \"sum\"",
    "not (width % 5 == 0 or rate > 0.5)",
    "width // 3 == 10 and -width < 0 and 2 - 1 - 1 == 0",
    "width in (16, 32) and 'a' in views and 'c' not in views",
    "fusion.rank * (1 + rate) == 12",
)


@pytest.mark.parametrize("text", TRUE)
def test_a_requirement_means_what_it_says(text: str) -> None:
    assert parsed(text).met(FLAT)
    assert not parsed(f"not ({text})").met(FLAT)


#: Of what a configuration lacks nothing is required, in whatever order it is said.
ABSENT = {
    "depth < 3": True,
    "not depth < 3": True,
    "depth < 3 and width == 32": True,
    "width == 32 and depth + 1 < 3": True,
    "depth < 3 and width == 1": False,
    "width == 1 and depth < 3": False,
    "depth < 3 or width == 1": True,
    "width == 1 or depth < 3": True,
    "1 < depth * 2 <= width": True,
    "depth < width < 3": False,
    "width / (rate - 0.5) > 1": False,  # reckoned by nobody
}


@pytest.mark.parametrize("text", ABSENT)
def test_a_key_that_a_configuration_lacks_holds_nothing_back(text: str) -> None:
    assert parsed(text).met(FLAT) is ABSENT[text]


NO_GRAMMAR = {
    "__import__('os').system('id') == 0": "is no part of a requirement",
    "print(1) < 2": "'print(1)' is no part",
    "width ** 9 < 2": "'width ** 9' is no part",
    "views[0] == 'a'": "'views[0]' is no part",
    "(lambda: 1) == 1": "is no part",
    "[x for x in views] == 1": "is no part",
    "width if rate else 1": "is no part",
    "f'{width}' == 'a'": "is no part",
    "width is 32": "is no part",
    "(width := 3) < 4": "is no part",
    "width & 1 == 1": "'width & 1' is no part",
    "'a'.upper == 'A'": "is no part",
    "width <": "not understood at letter",
    "width = 3": "not understood at letter",
    "width": "expected a comparison",
    "width + 1": "expected a comparison",
    "-width": "expected a comparison",
    "(" * 300 + "1" + ")" * 199 + "< 2": "longer than 500 letters",
    "(" * 240 + "1" + ")" * 240 + " < 2": "not understood",
    "a\0 < 2": "not understood",
}


@pytest.mark.parametrize("text", NO_GRAMMAR)
def test_whatever_else_python_can_say_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as error:
        parsed(text)
    assert NO_GRAMMAR[text] in str(error.value)


@pytest.mark.parametrize(
    "text", ["width < 'a'", "fusion + 1 < 2", "width and rate > 0", "width in 3", "'a' * width == 1"]
)
def test_what_cannot_be_reckoned_is_told_with_the_values(text: str) -> None:
    with pytest.raises(NotReckonedError, match="cannot be reckoned where"):
        parsed(text).met(FLAT)


FILE = """\
schema: 1
space: small
method: loginmea
params:
  fusion: {type: choice, of: [low_rank, sum]}
  fusion.rank: {type: int, low: 1, high: 64, when: {fusion: low_rank}}
  modal_width: {type: int, low: 1, high: 64}
"""


def read(folder: Path, text: str) -> Space:
    (folder / "small.yaml").write_text(text)
    return spaces.read(str(folder / "small.yaml"))


REFUSED = {
    "requires: fusoin.rank < 3\n": "8:1: 'fusoin.rank < 3': 'fusoin.rank' is no key of the configuration (did you mean "
    "'fusion.rank'?)",
    "requires:\n  - modal_width < 9\n  - int(1) < 3\n": "10:5: 'int(1) < 3': 'int(1)' is no part",
    "requires: [modal_width < 'a']\n": "8:12: 'modal_width < 'a'': cannot be reckoned where modal_width is",
    "requires: [modal_width < 64 or fusion > 3]\n": "8:12: 'modal_width < 64 or fusion > 3': cannot be reckoned where",
    "requires: [modal_width > 64]\n": "8:12: 'modal_width > 64': no configuration keeps it: none of 5,000",
    "requires: [modal_width > 32, modal_width < 32]\n": "8:1: no configuration keeps all of these",
    "start: [{modal_width: 9}, {modal_width: 3}]\nrequires: modal_width > 5\n": (
        "8:27: starting point 2 (modal_width: 3) does not keep the requirement 'modal_width > 5'"
    ),
    "requires: 5\n": "8:1: requires",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_requirement_that_is_none_is_refused_when_the_file_is_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read(tmp_path, FILE + text)
    assert str(error.value).startswith(f"{tmp_path}/small.yaml:{REFUSED[text]}")
    assert "\n" not in str(error.value)


def searched(space: Space, sampler: str, trials: int = 8) -> tuple[optuna.Study, StudySearcher]:
    where, study = Region(space, space.base()), optuna.create_study()
    continued(study, "sqlite:///s.db", Search.model_validate({"sampler": sampler, "startup": 2}), 0, (), where)
    searcher = StudySearcher(study, where.suggest, trials, region=where)
    while (proposed := searcher.suggest("a")) != StudySearcher.FINISHED:
        assert proposed is not None
        searcher.on_trial_complete("a", {"epoch": 1, "value": 1.0, "curve": [(1, 1.0)]})
    return study, searcher


@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe"])
def test_what_does_not_keep_a_requirement_is_never_carried_out(tmp_path: Path, sampler: str) -> None:
    rare = ["fusion.rank * 20 < modal_width", "modal_width != 7"]
    study, _ = searched(read(tmp_path, f"{FILE}requires: {rare}\n"), sampler)
    tried = [trial.params for trial in evaluated(study)]
    assert len(tried) == 8
    assert all(one.get("fusion.rank", 0) * 20 < one["modal_width"] != 7 for one in tried)
    broken = [trial for trial in study.trials if "broken" in trial.user_attrs]
    assert {trial.user_attrs["broken"] for trial in broken} <= {*rare}
    assert broken
    assert {trial.state for trial in broken} == {optuna.trial.TrialState.PRUNED}


def test_a_grid_holds_only_what_keeps_the_requirements(tmp_path: Path) -> None:
    study, searcher = searched(read(tmp_path, f"{FILE}requires: modal_width * fusion.rank == 4\n"), "grid", trials=99)
    ranks = [trial.params.get("fusion.rank", 0) for trial in study.trials]
    assert {rank for rank in ranks if rank} == {1, 2, 4}
    assert len(ranks) == 3 + 64
    assert searcher.ended == "exhausted"


def test_a_search_ends_where_nothing_keeps_the_requirements(tmp_path: Path) -> None:
    space = read(tmp_path, FILE).model_copy(update={"requires": ("modal_width > 64",)})
    study, searcher = searched(space, "random")
    assert searcher.ended == "unmet"
    assert len(study.trials) == ASTRAY
    assert not [*evaluated(study)]


def test_settings_beside_which_nothing_keeps_the_requirements_are_refused(tmp_path: Path) -> None:
    space = read(tmp_path, f"{FILE}requires: modal_width * 2 <= graph_width\n")
    assert request(space, toy.aligned(), overrides={"graph_width": 8})
    with pytest.raises(
        ConfigurationError, match=r"'modal_width \* 2 <= graph_width' beside these settings: none of 5,000"
    ):
        request(space, toy.aligned(), overrides={"graph_width": 1})


def test_what_is_quoted_is_cut(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(
        "schema: 1\nspace: tiny\nmethod: loginmea\nparams:\n  modal_width: {type: int, low: 1, high: 4}\n"
        f"requires: modal_width < {'9' * 100_000}\n"
    )
    with pytest.raises(ConfigurationError, match=r"tiny.yaml:6:1: 'modal_width < 9+...': longer than 500") as refused:
        spaces.read(str(tmp_path / "tiny.yaml"))
    assert len(str(refused.value)) < len(str(tmp_path)) + 150
    for told in (lambda: named("x" * 100_000, asking="warm start: "), lambda: parse_repeats("x" * 100_000)):
        with pytest.raises(ConfigurationError) as refused:
            told()
        assert len(str(refused.value)) < 200
