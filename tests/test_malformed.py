"""Words behind ``--set``, suites and spaces with something wrong: one line, or settings that hold what they promise."""

import json
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgprism.platform import configuration
from kgprism.platform.errors import KgprismError
from kgprism.platform.method import load, names
from kgprism.platform.part import slots
from kgprism.platform.studies.search.spaces import space
from kgprism.platform.studies.suites import suite

#: The same examples on every machine.
FIXED: dict[str, Any] = {"derandomize": True, "deadline": None, "suppress_health_check": list(HealthCheck)}

#: What a value may be written as.
SCALARS = ["1", "0", "-1", "1e3", "1e-3", "1_000", "0x1F", "1e400", ".inf", "-.inf", ".nan", "9" * 40, "9" * 5000, "~"]
SCALARS += ["true", "yes", "off", "null", "", "'5'", '"a\\0b"', "none", "concat", "image", "[image]", "code", "toy"]
SCALARS += [
    "2024-13-45",
    "2024-01-01",
    "12:30:00",
    "!!int abc",
    "!!float x",
    "!!python/object:os.system a",
    "!!binary a",
]
SCALARS += ["!!set {a}", "!!timestamp x", "&a [*a]", "*a", "<<", "[1, 2]", "[[1]]", "[true]", "{a: 1}", "{kind: 1}"]
SCALARS += ["{kind: [1]}", "{1: 2}", "{[1]: 2}", "[", "{", "'", '"', "@", "`", "%YAML 1.9", "|", ">", "- a", "a: b: c"]
SCALARS += ["\t", "\\", "[" * 300, "{a: " * 300, "\U0001f600", "\ud800", "\x85", "\0", "../x", "x" * 300, "a b", "[*"]
scalars = st.sampled_from(SCALARS) | st.text(max_size=8) | st.integers().map(str) | st.floats().map(str)
changes = st.tuples(st.sampled_from(["insert", "drop", "double", "cut"]), st.integers(0, 300), scalars)


def changed(text: str, change: tuple[str, int, str]) -> str:
    """Return a text with one thing wrong, perhaps."""
    how, place, piece = change
    lines, letter = text.splitlines(keepends=True) or [""], place % (len(text) + 1)
    at = place % len(lines)
    match how:
        case "insert":
            return text[:letter] + piece + text[letter:]
        case "cut":
            return text[:letter]
        case "double":
            return "".join([*lines[:at], lines[at], *lines[at:]])
    return "".join(lines[:at] + lines[at + 1 :])


def check_line(error: KgprismError, place: str) -> None:
    """Check that a refusal is one line of a bearable length that names the place."""
    message = str(error)
    assert place in message
    assert not set(message) & {"\n", "\r"}, message
    assert len(message) < 1000, message


@cache
def keys(method: str) -> list[str]:
    schema = load(method).Config
    return [*configuration.flatten(schema()), *slots(schema), *(f"{slot}.kind" for slot in slots(schema))]


@st.composite
def words(draw: st.DrawFn) -> tuple[str, list[str]]:
    method, found = draw(st.sampled_from(names())), []
    for _ in range(draw(st.integers(1, 3))):
        key = keys(method)[draw(st.integers(0, 10_000)) % len(keys(method))]
        if draw(st.integers(0, 3)) == 0:
            key = changed(key, draw(changes))
        found.append(f"{key}={draw(scalars)}")
    return method, found


def check_words(given: tuple[str, list[str]]) -> None:
    schema = load(given[0]).Config
    try:
        found = configuration.resolve(schema, configuration.parse(given[1]), source="--set")
    except KgprismError as error:
        check_line(error, "--set: ")
        return
    flat = configuration.flatten(found)
    assert configuration.resolve(schema, flat) == found
    assert json.loads(json.dumps(flat, allow_nan=False)) == flat
    assert not any(isinstance(value, bool) and key.endswith(("epochs", "rate", "seed")) for key, value in flat.items())


@given(words())
@settings(max_examples=300, **FIXED)
def test_words_behind_set(given: tuple[str, list[str]]) -> None:
    check_words(given)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(words())
@settings(max_examples=900, **FIXED)
def test_many_words_behind_set(given: tuple[str, list[str]]) -> None:
    check_words(given)


SUITE = """\
schema: 1
suite: small
title: Small
method: mclea
preset: code
base:
  train.epochs: 60
  fusion: concat
  modalities: [image, relation]
grid:
  dataset: [toy]
  seed_ratio: [0.3, 0.5]
  seed: {count: 2, start: 1}
variants:
  - {id: full, label: MCLEA, full: true}
  - {id: no-visual, label: w/o Visual, group: modalities, override: {modalities: [relation]}}
metrics: [hits_at_1, mrr]
notes:
  - A note.
"""
SPACE = """\
schema: 1
space: small
method: mclea
preset: code
params:
  train.learning_rate: {type: float, low: 1e-5, high: 5e-3, log: true}
  train.epochs: {type: int, low: 1e1, high: 100, step: 10}
  pseudo_pairs: {type: choice, of: [none, probation]}
  pseudo_pairs.every:
    type: int
    low: 5
    high: 10
    when: {pseudo_pairs: probation}
start:
  - {train.epochs: 1e2, pseudo_pairs: none}
objective: {metric: valid/mean/mrr, mode: max}
search: {sampler: tpe, trials: 60, startup: 12, seed: 0}
schedule: {kind: asha, min: 50, max: 1000, eta: 3}
"""


def with_value(text: str, place: int, value: str) -> str:
    """Return a document with another value in one place."""
    spots = [match.span(1) for match in re.finditer(r"(?:[:,-] |[\[{])([^\s\[{,}\]]+)", text)] or [(0, 0)]
    start, end = spots[place % len(spots)]
    return text[:start] + value + text[end:]


@st.composite
def documents(draw: st.DrawFn, text: str) -> str:
    for _ in range(draw(st.integers(1, 2))):
        if draw(st.integers(0, 3)):
            text = with_value(text, draw(st.integers(0, 60)), draw(scalars))
        else:
            text = changed(text, draw(changes))
    return text


def check_suite(text: str) -> None:
    check_document(suite.read, text, lambda found: found.layers(found.full, "toy", 0.3, {}))


def check_space(text: str) -> None:
    check_document(space.read, text, check_proposals)


def check_document(read: Callable[[str], Any], text: str, use: Callable[[Any], object]) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "small.yaml"
        file.write_bytes(text.encode(errors="surrogatepass"))
        try:
            found = read(str(file))
        except KgprismError as error:
            check_line(error, str(file))
        else:
            use(found)


def check_proposals(found: space.Space) -> None:
    """Check that what is proposed is accepted."""
    base, schema = found.base(), load(found.method).Config
    for point in found.points():
        configuration.resolve(schema, base, point)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    for _ in range(2):
        configuration.resolve(schema, base, found.suggest(study.ask()))


def test_the_documents_are_right_before_they_are_changed(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE)
    (tmp_path / "space.yaml").write_text(SPACE)
    assert suite.read(str(tmp_path / "suite.yaml")).suite == "small"
    assert space.read(str(tmp_path / "space.yaml")).points() == [
        {"train.learning_rate": 5e-4, "train.epochs": 100, "pseudo_pairs.kind": "none"}
    ]


@given(documents(SUITE))
@settings(max_examples=150, **FIXED)
def test_suites(text: str) -> None:
    check_suite(text)


@given(documents(SPACE))
@settings(max_examples=150, **FIXED)
def test_spaces(text: str) -> None:
    check_space(text)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(documents(SUITE), documents(SPACE))
@settings(max_examples=450, **FIXED)
def test_many_documents(one: str, other: str) -> None:
    check_suite(one)
    check_space(other)
