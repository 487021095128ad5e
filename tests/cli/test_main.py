"""Help, versions, and what becomes of a mistake: exit 2, one line, the nearest word, before anything starts."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from kgprism.platform.settings import DIRECTIONS, SELECTIONS
from kgprism.platform.studies.reports.forms import FORMS


def test_help_names_every_command(kgprism) -> None:
    called = kgprism("--help")
    assert called.code == 0
    for word in (
        "train",
        "tune",
        "ablate",
        "report",
        "relations",
        "similarity",
        "data",
        "methods",
        "suites",
        "spaces",
        "doctor",
        "site",
        "board",
    ):
        assert f" {word} " in called.out
    assert all(f" {word} " in called.out for word in ("submit", "jobs"))


def test_help_names_the_words_that_options_know(kgprism) -> None:
    words = " ".join(kgprism("report", "--help").out.split())
    assert f"One of {', '.join(FORMS)};" in words
    assert f"Which stored epoch is shown: {', '.join(SELECTIONS)}." in words
    for task, ways in DIRECTIONS.items():
        assert f"{task}: {', '.join(ways)}" in words


def test_version(kgprism) -> None:
    assert kgprism("--version").out == f"kgprism {version('kgprism')}\n"


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        ("trian", "'train'"),
        ("data chek toy", "'check'"),
        ("train loginmea --dataset toy --sed 3", "--seed"),
        ("ablate demo --variant full", "--variants"),
        ("train", "method"),
        ("train loginmea", "--dataset"),
        ("train loginmea --dataset toy --seed x", "--seed"),
        ("train loginmea --dataset toy --workers 0", "--workers"),
    ],
)
def test_a_word_that_the_command_line_does_not_know(kgprism, words: str, nearest: str) -> None:
    called = kgprism(*words.split())
    assert called.code == 2
    assert nearest in called.err
    assert not called.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("train loginmae --dataset toy", "unknown method 'loginmae' (did you mean 'loginmea'?)"),
        ("methods show loginmae", "unknown method 'loginmae' (did you mean 'loginmea'?)"),
        ("train loginmea --dataset toyy", "unknown dataset 'toyy' (did you mean 'toy'?)"),
        ("train loginmea --dataset fb15k-db15k", "kgprism data import fb15k-db15k --from DIR"),
        ("train loginmea --dataset toy-completion", "loginmea is a method of alignment"),
        ("train loginmea --dataset toy --preset papr", "no preset 'papr' (did you mean 'paper'?)"),
        ("train loginmea --dataset toy --set train.epoch=2", "(did you mean 'train.epochs'?)"),
        ("train loginmea --dataset toy --set epochs=2", "(did you mean 'train.epochs'?)"),
        ("train loginmea --dataset toy --set bs=2", "(did you mean 'train.batch_size'?)"),
        ("train loginmea --dataset toy --set zzz=2", "'zzz' (`kgprism methods show METHOD` lists the keys)"),
        ("train loginmea --dataset toy --set train.epochs=0", "--set: train.epochs: "),
        ("train loginmea --dataset toy --set fusion=low_rnk", "(did you mean 'low_rank'?)"),
        ("train loginmea --dataset toy --set train.epochs", "--set: expected key=value"),
        ("tune loginmae --dataset toy", "unknown search space 'loginmae' (did you mean 'loginmea'?)"),
        ("tune loginmea --dataset toyy", "unknown dataset 'toyy' (did you mean 'toy'?)"),
        ("tune loginmea --dataset toy --set seed_ratio=0.5", "(did you mean 'data.seed_ratio'?)"),
        ("tune loginmea --dataset toy --set train.epoch=2", "(did you mean 'train.epochs'?)"),
        ("ablate demmo", "unknown suite 'demmo' (did you mean 'demo'?)"),
        ("ablate demo --variants ful", "has no variant 'ful' (did you mean 'full'?)"),
        ("ablate demo --dataset toyy", "unknown dataset 'toyy' (did you mean 'toy'?)"),
        ("ablate demo --set rank=2", "(did you mean 'fusion.rank'?)"),
        ("ablate demo --set train.epoch=2", "(did you mean 'train.epochs'?)"),
        ("ablate demo --select vaild", "--select: unknown word 'vaild' (did you mean 'valid'?)"),
        ("ablate nowhere.yaml", "nowhere.yaml: cannot be read"),
        ("report demo --format mdd", "--format: unknown word 'mdd' (did you mean 'md'?)"),
        ("report demo --json --format html", "--json and --format html: choose one"),
        ("report demo --direction hed", "--direction: unknown word 'hed' (did you mean 'head'?)"),
        ("report demo --direction head", "direction 'head': demo is about alignment, which has l2r, r2l, mean"),
        ("data show toyy", "unknown dataset 'toyy' (did you mean 'toy'?)"),
        ("data fetch fb15k-db", "(did you mean 'fb15k-db15k'?)"),
        ("data import mine --from /nowhere", "/nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(kgprism, words: str, told: str) -> None:
    called = kgprism(*words.split())
    assert called.code == 2
    assert called.out == ""
    (line,) = called.err.splitlines()
    assert line.startswith("kgprism: ")
    assert told in line


def test_a_mistake_in_a_suite_names_file_and_line(kgprism, tmp_path: Path) -> None:
    text = "schema: 1\nsuite: mine\nmethod: loginmea\ngrid: {dataset: [toy]}\nvariants:\n- id: full\n  overide: {}\n"
    (tmp_path / "mine.yaml").write_text(text)
    called = kgprism("ablate", str(tmp_path / "mine.yaml"))
    assert called.code == 2
    assert f"{tmp_path / 'mine.yaml'}:7:3: unknown key 'overide' (did you mean 'override'?)" in called.err


QUICK = [
    "--help",
    "data --help",
    "train loginmae -d toy",
    "ablate demmo",
    "tune loginmae -d toy",
    "spaces list",
    "suites show demmo",
    "report demo --format x",
    "report demo --direction x",
    "report --help",
]


@pytest.mark.parametrize("words", QUICK)
def test_quick_answers_do_not_wait_for_torch_or_ray(words: str) -> None:
    code = (
        "import sys\nfrom kgprism.platform.cli.main import run\n"
        f"sys.argv = ['kgprism', *{words.split()!r}]\n"
        "try:\n    run()\nexcept SystemExit:\n"
        "    print('LOADED', sorted({'torch', 'ray', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"
