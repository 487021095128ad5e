"""Where a study is kept: any path, opened by several processes at once, and what cannot be one."""

import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import optuna
import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.listing import found_by_name, searches
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import RUN, open_study, sqlite

OPENER = """\
import sys
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import open_study
print("ready", flush=True)
sys.stdin.readline()
study = open_study(sys.argv[2], sys.argv[1], Search(sampler="random"), Goal(), 0)
trial = study.ask()
trial.set_user_attr("run", "0123")
study.tell(trial, 0.5)
"""


def evaluate(study: optuna.Study) -> None:
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr(RUN, "0123")
    study.tell(trial, 0.5)


@pytest.mark.parametrize("name", ["100% {of} what? a#b&c=%41", "größe"])
def test_a_study_lies_in_its_home_whatever_the_home_is_called(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / "studies" / "optuna.db"
    study = open_study("s", sqlite(file), Search(), Goal(), 0)
    evaluate(study)
    assert file.exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in file.parent.iterdir()] == ["optuna.db"]
    again = open_study("s", sqlite(file), Search(), Goal(), 0)
    assert [trial.value for trial in again.trials] == [0.5]


@pytest.mark.slow
def test_four_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    storage = sqlite(tmp_path / "optuna.db")
    words = [[sys.executable, "-c", OPENER, storage, f"study {n}"] for n in range(4)]
    openers = [subprocess.Popen(one, stdin=-1, stdout=-1, text=True) for one in words]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("go\n")
        opener.stdin.flush()
    for opener in openers:
        opener.communicate()
    assert [opener.returncode for opener in openers] == [0] * 4
    assert sorted(optuna.get_all_study_names(storage)) == [f"study {n}" for n in range(4)]


@pytest.mark.parametrize("storage", ["", "sqlite:///", "sqlite://", "sqlite:///:memory:", "optuna.db", "sqlite:/x"])
def test_a_storage_that_names_no_file_is_told(storage: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--storage .*cannot be opened: [^\n]+$"):
        open_study("s", storage, Search(), Goal(), 0)


def test_a_password_is_not_told() -> None:
    with pytest.raises(ConfigurationError) as error:
        open_study("s", "nosuch://me:secret@there/x", Search(), Goal(), 0)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(4096)])
def test_a_file_that_is_no_study_is_told_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "optuna.db"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"optuna.db: cannot be opened: [^\n]+$"):
        open_study("s", sqlite(file), Search(), Goal(), 0)
    assert file.read_bytes() == content


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """An Optuna file with two finished trials."""
    file = tmp_path / "optuna.db"
    study = open_study("s", sqlite(file), Search(), Goal(), 0)
    for _ in range(2):
        evaluate(study)
    return file


@pytest.mark.parametrize(
    "damage",
    [
        *("DROP TABLE trials", "DROP TABLE trial_values", "DROP TABLE studies", "DELETE FROM trial_values"),
        *("DELETE FROM study_directions", "DELETE FROM trial_user_attributes"),
        *("UPDATE alembic_version SET version_num = 'v99'", "UPDATE trials SET state = 'ODD'"),
        *("UPDATE trials SET datetime_start = 'x'", "UPDATE trial_values SET value_type = 'x'"),
        *("UPDATE trial_params SET distribution_json = '{}'", "UPDATE trial_user_attributes SET value_json = '{'"),
        "UPDATE study_directions SET direction = 'MINIMIZE'",
    ],
)
def test_a_study_that_is_not_what_was_written_is_told_and_left_as_it_is(used: Path, damage: str) -> None:
    with closing(sqlite3.connect(used)) as opened, opened:
        opened.execute(damage)
    refused_and_left(used)


def test_a_zeroed_page_is_told_and_left_as_it_is(used: Path) -> None:
    data = used.read_bytes()
    for page in range(len(data) // 4096):
        used.write_bytes(data[: page * 4096] + bytes(4096) + data[(page + 1) * 4096 :])
        refused_and_left(used)
    used.write_bytes(data[: len(data) // 2])
    refused_and_left(used)


def test_half_a_commit_of_a_process_that_was_killed_is_taken_back(used: Path) -> None:
    killed = "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    killed += "c.execute('PRAGMA cache_size=1'); c.execute('BEGIN')\n"
    killed += (
        "c.executemany('INSERT INTO trials VALUES (?, 1, 1, ?, NULL, NULL)', ((n, 'x' * 999) for n in range(9, 999)))\n"
    )
    subprocess.run([sys.executable, "-c", killed + "os.kill(os.getpid(), 9)", str(used)], check=False)
    assert used.with_name("optuna.db-journal").exists()
    assert [listed.trials for listed in searches(sqlite(used))] == [2]
    assert len(open_study("s", sqlite(used), Search(), Goal(), 0).trials) == 2


def test_a_damaged_file_keeps_no_other_search_back(own_home: Path) -> None:
    for folder in ("whole", "odd"):
        (own_home / "studies" / folder).mkdir(parents=True)
    open_study("mine", sqlite(own_home / "studies" / "whole" / "optuna.db"), Search(), Goal(), 0)
    (own_home / "studies" / "odd" / "optuna.db").write_bytes(b"no database" * 500)
    told: list[str] = []
    assert [listed.name for listed in searches(unreadable=told.append)] == ["mine"]
    assert [line for line in told if "odd/optuna.db: cannot be" in line] == told != []
    with pytest.raises(ConfigurationError, match=r"odd/optuna\.db: cannot be"):
        found_by_name("other")
    with pytest.raises(ConfigurationError, match="'mine'"):  # it is found: its study does not say what was asked for
        found_by_name("mine")


def refused_and_left(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(ConfigurationError, match=r"optuna.db: cannot be (opened|read): [^\n]+$"):
        open_study("s", sqlite(file), Search(), Goal(), 0)
    with suppress(ConfigurationError):  # what is odd in one study's trials need not be odd in the list
        searches(sqlite(file))
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["optuna.db"]
