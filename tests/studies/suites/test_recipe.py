"""One run as a file: what is written is read as it was, what is wrong is told with its place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kgprism.platform.data.catalogue import datasets
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.plain_yaml import read_yaml
from kgprism.platform.studies.suites.recipe import Recipe, differences, load_dataset, read
from kgprism.platform.training.run import plan

SETTINGS: dict[str, Any] = {
    "fusion.kind": "low_rank",
    "fusion.rank": 8,
    "train.learning_rate": 1e-05,
    "train.epochs": {"times": 0.5},
}
#: A configuration holds no other numbers.
NUMBERS = some.floats(allow_nan=False, allow_infinity=False)


def recipe(**told: Any) -> Recipe:
    return Recipe.model_validate({"method": "loginmea", "dataset": "toy"} | told)


def test_a_dataset_that_is_not_there_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("method: loginmea\ndataset: toi\n")
    with pytest.raises(ConfigurationError, match=r"f.yaml:2:1: unknown dataset 'toi' \(did you mean 'toy"):
        load_dataset(read(file), file)
    with pytest.raises(datasets.AbsentError, match=r"^unknown dataset 'toi'"):
        load_dataset(read(file), None)


def test_a_file_makes_the_run_that_was_planned(tmp_path: Path) -> None:
    toy = datasets.load("toy")
    planned = plan("loginmea", toy, 3, SETTINGS, preset="paper")
    file = tmp_path / "below" / "best.yaml"
    recipe(preset="paper", seed=3, set=SETTINGS).write(file, "best of\nall\x1b[2J")
    again = read(file)
    assert again.makes(planned.id, toy)
    assert not again.model_copy(update={"seed": 4}).makes(planned.id, toy)
    assert file.read_text().splitlines()[:3] == ["# best of", "# all?[2J", "schema: 1"]
    # Every key of a finished run's settings, without its preset, says the same.
    assert recipe(seed=3, set=dict(planned.configuration)).makes(planned.id, toy)


@settings(max_examples=60, deadline=None)
@given(some.dictionaries(some.text(min_size=1), some.one_of(some.text(), NUMBERS, some.integers(), some.booleans())))
def test_whatever_is_set_is_read_as_it_was_written(told: dict[str, Any]) -> None:
    found = recipe(set=told)
    content, _ = read_yaml(found.text())
    assert Recipe.model_validate(content) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("method: loginmea\ndataset: toy\nsede: 3", r"f.yaml:3:1: unknown key 'sede' \(did you mean 'seed'\?\)"),
        ("method: logimea\ndataset: toy", r"f.yaml:1:1: unknown method 'logimea' \(did you mean 'loginmea'\?\)"),
        ("method: loginmea", r"f.yaml:1:1: 'dataset' is missing"),
        ("method: loginmea\ndataset: toy\npreset: papr", r"f.yaml:3:1: loginmea has no preset 'papr'"),
        ("method: loginmea\ndataset: toy\nseed: -1", r"f.yaml:3:1: seed: .*greater than"),
        ("method: loginmea\ndataset: toy\nseed: 4294967296", r"f.yaml:3:1: seed: .*less than 4294967296"),
        ("method: loginmea\ndataset: toy\nseed: true", r"f.yaml:3:1: seed: "),
        (
            "method: loginmea\ndataset: toy\nset:\n  fusion: sum\n  train.epoch: 3",
            r"f.yaml:5:3: unknown key 'train.epoch' \(did you mean 'train.epochs'\?\)",
        ),
        ("method: loginmea\ndataset: toy\nset:\n  train.epochs: -3", r"f.yaml:4:3: train.epochs: .*got -3"),
        ("method: loginmea\nmethod: ikrl\ndataset: toy", r"f.yaml:2:1: not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        read(file)


def test_any_files_name_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="best: cannot be read: No such file"):
        read(Path("best"))
    recipe().write(Path("best"))
    assert read(Path("best")) == recipe()


def test_what_the_command_line_overrules_is_told() -> None:
    found = recipe(seed=3, set={"fusion.kind": "sum", "train.epochs": 5})
    assert differences(found, None, {"seed": 3, "dataset": None}, {"graph_width": 8}) == []
    assert differences(found, "loginmea", {"seed": 4}, {"fusion": "concat", "train.epochs": 5}) == [
        "seed: 4 as the command line says, not 3",
        "fusion: concat as the command line says, not sum",
    ]
    with pytest.raises(ConfigurationError, match="--config is of loginmea, not of ikrl"):
        differences(found, "ikrl", {}, {})
