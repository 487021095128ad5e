"""What a shell completes: asked as the shells' scripts ask."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from kgprism.platform.cli.main import app
from kgprism.platform.configuration import resolve
from kgprism.platform.home import home
from kgprism.platform.method import load, names
from kgprism.platform.part import keys
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.space import space_names
from kgprism.platform.studies.search.study import begun, sqlite
from kgprism.platform.studies.suites.suite import suite_names

assert app


@pytest.fixture
def completed(kgprism, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Return what fish is told for the word at the end of a line."""

    def complete(line: str) -> list[str]:
        monkeypatch.setenv("_KGPRISM_COMPLETE", "complete_fish")
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", f"kgprism {line}")
        found = filter(None, kgprism().out.splitlines())
        monkeypatch.delenv("_KGPRISM_COMPLETE")
        return [word.partition("\t")[0] for word in found]

    return complete


@pytest.fixture
def bash(kgprism, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return what bash is told: it takes words apart at ``=`` and counts them."""

    def complete(*words: str) -> list[str]:
        monkeypatch.setenv("_KGPRISM_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(["kgprism", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        monkeypatch.delenv("_KGPRISM_KEY", raising=False)
        found = kgprism().out.split()
        monkeypatch.delenv("_KGPRISM_COMPLETE")
        return found

    return complete


def test_names_of_all_kinds(completed) -> None:
    for line, known in {
        "train ": names(),
        "methods show ": names(),
        "ablate ": suite_names(),
        "report ": suite_names(),
        "suites show ": suite_names(),
        "tune ": [*space_names(), "list"],
        "spaces show ": space_names(),
    }.items():
        assert completed(line) == known, line
    assert completed("train login") == ["loginmea"]
    assert completed("report demo --format la") == ["latex"]
    assert completed("report demo --select v") == ["valid"]
    assert completed("ablate demo --variants ") == [row["id"] for row in demo()]
    assert completed("ablate demo --variants full,no-l") == [
        f"full,{row['id']}" for row in demo() if row["id"].startswith("no-l")
    ]


def demo() -> list[dict[str, str]]:
    from kgprism.platform.studies.suites.suite import read

    return [row.model_dump() for row in read("demo").variants]


def test_datasets_and_runs_are_those_of_the_home(completed) -> None:
    (home() / "data/mine").mkdir(parents=True)
    (home() / "runs/abc").mkdir(parents=True)
    (home() / "runs/abc/run.json").touch()
    (home() / "runs/abd.partial").mkdir()
    assert completed("train loginmea -d m") == ["mine", "mkg-w", "mkg-y"]
    assert completed("data show toy") == ["toy", "toy-completion"]
    assert completed("relations a") == ["abc"]
    assert "abc" in completed("similarity ab")


def test_searches_are_those_of_the_home(completed) -> None:
    for space, name in (("tiny", "first"), ("odd # %41?", "second")):
        begun(name, sqlite(home() / "studies" / space / "optuna.db"), Goal(metric="valid/l2r/mrr"))
    (home() / "studies/damaged").mkdir()
    (home() / "studies/damaged/optuna.db").write_text("no database")
    (home() / "studies/empty").mkdir()
    (home() / "studies/empty/optuna.db").touch()
    assert completed("tune ") == [*space_names(), "first", "second", "list"]
    assert completed("tune fi") == ["first"]
    assert completed("spaces show ") == space_names()


def test_keys_and_values_that_a_command_has_kept(kgprism, completed) -> None:
    kgprism("methods", "show", "loginmea")
    assert completed("train loginmea -d toy --set fus") == ["fusion=", "fusion.rank=", "fusion.factor_weights="]
    assert completed("train loginmea --set fusion=") == ["fusion=low_rank", "fusion=sum", "fusion=concat"]
    assert completed("train loginmea --set fusion=s") == ["fusion=sum"]
    assert completed("train loginmea --set train.ste") == ["train.step=epoch", "train.step=batch"]
    assert completed("train loginmea --set train.epo") == ["train.epochs=1000", "train.epochs=600"]
    assert completed("train loginmea --preset ") == sorted(load("loginmea").presets)
    assert {word.rstrip("=") for word in completed("train loginmea --set ")} == set(keys(load("loginmea").Config))
    assert completed("ablate demo --set fusion=c") == completed("tune loginmea --set fusion=c") == ["fusion=concat"]


def test_what_is_completed_is_taken(kgprism, completed) -> None:
    kgprism("methods", "show", "dhns")
    for key in ("scoring", "negatives", "train.step", "train.keep_weights", "train.epochs"):
        offered = completed(f"train dhns --set {key}=")
        assert offered
        for word in offered:
            resolve(
                load("dhns").Config,
                {key: {"true": True, "false": False}.get(word.partition("=")[2], word[len(key) + 1 :])},
            )


def test_shared_keys_are_completed_before_any_method_was_loaded(completed) -> None:
    assert completed("train loginmea --set train.prec") == ["train.precision=float32", "train.precision=bfloat16"]
    assert "data.seed_ratio=" in completed("train loginmea --set data.")
    (home() / "cache/keys").mkdir(parents=True)
    (home() / "cache/keys/loginmea.json").write_text("{", encoding="utf-8")
    assert "data.seed_ratio=" in completed("train loginmea --set data.")


def test_bash_asks_for_the_word_behind_an_equals_sign(kgprism, bash) -> None:
    kgprism("methods", "show", "loginmea")
    assert bash("train", "loginmea", "--set", "fusion", "=", "s") == ["sum"]
    assert bash("train", "loginmea", "--set", "fusion", "=") == ["low_rank", "sum", "concat"]
    assert bash("train", "loginmea", "--set", "train.epochs", "=", "5", "--set", "fusion", "=", "c") == ["concat"]
    assert bash("train", "loginmea", "--set", "train.epochs", "=", "5", "--preset", "pap") == ["paper"]
    assert bash("train", "loginmea", "--dataset", "=", "toy-") == ["toy-completion"]
    assert bash("train", "loginm") == ["loginmea"]


def test_completion_waits_for_neither_torch_nor_ray() -> None:
    code = (
        "import sys\nfrom kgprism.platform.cli.main import run\nsys.argv = ['kgprism']\n"
        "try:\n    run()\nexcept SystemExit:\n"
        "    print('LOADED', sorted({'torch', 'ray', 'optuna', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    train = ["train", "loginmea"]
    for words in ([*train, "--set", "train."], [*train, "-d", ""], ["ablate", ""], ["tune", ""]):
        asked = {"COMP_WORDS": " ".join(["kgprism", *words]), "COMP_CWORD": str(len(words))}
        environment = os.environ | asked | {"_KGPRISM_COMPLETE": "complete_bash"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, encoding="utf-8"
        )
        *found, last = done.stdout.splitlines()
        assert last == "LOADED []", done.stderr
        assert found


def test_a_home_that_cannot_be_read_completes_what_is_shipped(completed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGPRISM_HOME", "s3://bucket/store")
    assert "toy" in completed("train loginmea -d ")
    assert completed("relations ") == []
