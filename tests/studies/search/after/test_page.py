"""The page of a search: partial at any moment, needing nothing else, and no name in it gives orders."""

import re
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from kgprism.platform.studies.search.after.page import page
from kgprism.platform.studies.search.after.repeats import Repeated
from kgprism.platform.studies.search.request import Asked

HOSTILE = "</style><script>alert('x')</script>&\"'"


def ids(html: str) -> list[str]:
    return re.findall(r'<section id="(\w+)"', html)


def test_a_search_that_has_just_begun_has_a_page(found, trial) -> None:
    html = page(found([]))
    assert ids(html) == ["trials"]
    assert "No trial has begun yet" in html
    html = page(found([trial(state=TrialState.RUNNING, curve={1: 0.2}, rate=0.01)]))
    assert ids(html) == ["parameters", "trials"]
    assert "1 running" in html


def test_a_page_shows_all_and_needs_nothing_else(found, trial) -> None:
    some = [trial(n / 10, rank=float(n), rate=0.001 * (n + 1), curve={1: 0.0, 2: n / 10}) for n in range(8)]
    html = page(found([*some, trial(attributes={"reason": "loss is nan"})]), Path("/home/me/a b.yaml"))
    assert ids(html) == ["best", "history", "parameters", "slices", "contour", "parallel", "trials"]
    assert "kgprism train --config &#39;/home/me/a b.yaml&#39;" in html
    assert "loss is nan" in html
    assert not re.search(r"https?:|src=|@import|url\(|<link", html)
    # Sorted by value without the script.
    assert re.findall(r'<tr[^>]*><td data-v="(\d+)">', html) == ["7", "6", "5", "4", "3", "2", "1", "0", "8"]


def test_the_best_over_seeds_stands_before_a_lucky_one(found, trial) -> None:
    some = found([trial(0.9, rank=1.0), trial(0.8, rank=2.0)])
    lucky, steady = Repeated(0, 0, 0.9, 2, {0: 0.9, 1: 0.1}), Repeated(1, 1, 0.8, 2, {0: 0.8, 1: 0.8})
    html = page(some, None, [steady, lucky])
    assert ids(html)[:2] == ["best", "seeds"]
    assert "a lucky seed" in html
    assert "· trial 1 ·" in html
    assert "0.8 <span" in html
    assert "1 of 2 seeds" in page(some, None, [Repeated(0, 0, 0.9, 2, {0: 0.9})])


def test_several_objectives_have_a_front_and_the_lines_that_make_each_again(found, trial) -> None:
    pairs = [(0.5, 10.0), (0.6, 20.0), (0.4, 15.0)]
    html = page(found([trial(pair, rank=1.0) for pair in pairs], directions=("maximize", "minimize")), Path("x.yaml"))
    assert "front" in ids(html)
    assert html.count("kgprism runs show 0000000000000000 --config &gt; best.yaml") == 2
    assert "x.yaml" not in html


def test_what_was_asked_is_told_as_it_is_written(found, trial) -> None:
    told = {"search": "x", "method": "loginmea", "dataset": "toy", "objective": "valid/l2r/mrr", "preset": None}
    told |= {"settings": {}, "seed": 0, "trials": 8, "budget": "2 cpu-hours", "costs": ["parameters"]}
    sampler = {"kind": "tpe", "multivariate": True, "group": True}
    space: dict[str, Any] = {"space": "mine", "objectives": [{"metric": "valid/l2r/mrr"}, {"metric": "parameters"}]}
    space["search"] = {"sampler": sampler, "trials": 60, "startup": 10, "repeats": {"seeds": 7, "promote_top": 2}}
    space |= {"schedule": {"kind": "asha", "min": 5, "max": 9}, "requires": ["a <= b", "b < 9"]}
    some = found([trial(0.9), trial(0.8)])
    some.study.set_user_attr("spent", {"cpu_seconds": 61.0})
    asked = Asked.model_validate(told | {"space": space})
    again = [Repeated(n, n, 0.9, 3, {0: 0.9, 1: 0.9, 2: 0.9}) for n in (0, 1)]
    html = page(type(some)(**(vars(some) | {"asked": asked})), None, again)
    rows = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))
    assert rows["trials asked for"] == "8"
    assert rows["budget"] == "2 cpu-hours; spent: 61 s of processors"
    assert rows["repeats"] == "the 2 best trials with 3 seeds"  # as they were carried out, not as the file says
    assert rows["search sampler"] == "tpe (multivariate: true, group: true)"
    assert rows["schedule"] == "asha (min: 5, max: 9)"
    assert rows["requires"] == "a &lt;= b; b &lt; 9"
    assert "metric:" not in html


@pytest.mark.parametrize("where", ["name", "word", "asked"])
def test_names_are_shown_and_not_obeyed(found, trial, where: str) -> None:
    if where == "asked":
        told = {"search": "x", "method": HOSTILE, "dataset": HOSTILE, "objective": "valid/l2r/mrr", "preset": HOSTILE}
        space = {"space": HOSTILE, "params": {HOSTILE: {"type": "choice", "of": [HOSTILE]}}, "search": {"x": HOSTILE}}
        told |= {"settings": {HOSTILE: HOSTILE}, "seed": 0, "trials": 3, "space": space}
        some = found([trial(0.1)])
        html = page(type(some)(**(vars(some) | {"asked": Asked.model_validate(told)})))
    else:
        words: dict[str, Any] = {"params": {HOSTILE: HOSTILE}, "user_attrs": {"run": HOSTILE, "reason": HOSTILE}}
        kind = optuna.distributions.CategoricalDistribution([HOSTILE, "b"])
        trials = [optuna.trial.create_trial(value=n / 9, distributions={HOSTILE: kind}, **words) for n in range(6)]
        html = page(found(trials, name=HOSTILE if where == "name" else "mine"))
    assert "alert" in html
    assert html.count("<script>") == 1
    assert html.count("</style>") == 1
