"""What CONTRIBUTING.md shows runs as it stands: written to files, installed as a package, held to the contract."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.method import load, names
from kgprism.platform.studies.search.spaces import space
from kgprism.platform.studies.suites import suite
from kgprism.platform.studies.suites.reading.shelf import shelf
from kgprism.platform.testing.variants import graph_of
from kgprism.platform.training.run import execute, plan
from kgprism.testing import CompositionContract

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block(language: str, begins: str) -> str:
    """Return the one block of a language whose text holds these words."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = (text for text in blocks if begins in text)
    return str(found)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The method, its package and what installing it leaves on the path."""
    project = tomllib.loads(block("toml", "[project]"))["project"]
    folder = tmp_path / "my_package"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "x.py").write_text(block("python", "class X("), encoding="utf-8")
    installed = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n", "utf-8")
    groups = project["entry-points"].items()
    sections = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in all_.items()) for group, all_ in groups
    ]
    (installed / "entry_points.txt").write_text("\n".join(sections), "utf-8")
    for file, begins in (("search_spaces/x.yaml", "space: x"), ("ablations/x_table3.yaml", "suite: x_table3")):
        (folder / file).parent.mkdir()
        (folder / file).write_text(block("yaml", begins), encoding="utf-8")
    (installed / "top_level.txt").write_text("my_package\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    load.cache_clear()
    yield folder
    load.cache_clear()
    graph_of.cache_clear()
    for name in ("my_package", "my_package.x"):
        sys.modules.pop(name, None)


def contract() -> Any:
    """Return the class of tests that the page shows."""
    made: dict[str, Any] = {}
    exec(block("python", "MethodContract"), made)
    return made["TestX"]


def ask(case: Any, test: str, folder: Path) -> None:
    """Ask a test about everything that pytest would ask it about."""
    words = set(signature(getattr(case, test)).parameters)
    (word,) = words & {"method", "variant", "preset"}
    for number, value in enumerate(case.asked(word)):
        (own := folder / str(number)).mkdir()
        getattr(case(), test)(**{word: value}, **({"tmp_path": own} if "tmp_path" in words else {}))


TESTS = [name for name in dir(contract()) if name.startswith("test_")]
QUICK = [name for name in TESTS if hasattr(CompositionContract, name)]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("test", [pytest.param(t, marks=() if t in QUICK else pytest.mark.slow) for t in TESTS])
def test_the_skeleton_keeps_the_contract_of_a_method(test: str, tmp_path: Path) -> None:
    assert "x-mixing=none" in [str(variant) for variant in contract().asked("variant")]
    ask(contract(), test, tmp_path)


#: What is broken in the skeleton, how, and which words of which test tell it.
BROKEN = {
    "dead": ("x + layer(x).tanh()", "x + 0 * layer(x).tanh()", "test_every_variant_learns", "cannot learn"),
    "unfinished": ('"modal": self.config', '"modal": torch.nan * self.config', "test_every_variant_learns", "modal"),
    "boolean": ("modal_weight: float", "use_x: bool = True\n    modal_weight: float", "a_toggle", "use_x"),
    "null": (
        *(
            "class Config(Mixing.Config, Nothing):\n        pass",
            'class Config(Mixing.Config):\n        kind: Literal["no"] = "no"',
        ),
        *("slot_has", "no null part"),
    ),
    "untold": ('departures = ("Eq', 'departures = ("  Eq', "it_says_where", "without blanks"),
    "order": (".mean(0))}", ".mean(0).cumsum(0))}", "test_relabelling", "not close"),
    "share": ('views["joint"], pairs)', 'views["joint"], pairs) / pairs.workers', "two_workers", "joint: "),
    "dice": ("x = x +", "x = x * __import__('random').random() +", "same_seed", "differ in epoch 1: .*loss"),
    "memory": (
        *("views = {name: ", 'self.age = getattr(self, "age", 0) + 1\n        views = {name: self.age + '),
        *("checkpoint", "a whole run and one that was cut off differ in epoch 2: .*loss"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", BROKEN)
def test_the_contract_refuses_a_skeleton_that_is_broken(what: str, package: Path, tmp_path: Path) -> None:
    whole, broken, test, told = BROKEN[what]
    file = package / "x.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(whole) == 1
    file.write_text(text.replace(whole, broken), encoding="utf-8")
    (test,) = (name for name in TESTS if test in name)
    with pytest.raises(AssertionError, match=told):
        ask(contract(), test, tmp_path)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("preset", ["code", "paper"])
def test_the_skeleton_trains(preset: str) -> None:
    run = plan("x", toy.aligned(), 1, {"train.epochs": 1}, preset=preset)
    assert {"loss/joint", "loss/modal"} <= set(execute(run, toy.aligned()).history[0])


@pytest.mark.usefixtures("package")
def test_both_forms_of_an_entry_point_find_the_method() -> None:
    assert {"x", "x_again"} <= set(names())
    assert load("x") is load("x_again")
    assert load("x").__module__ == "my_package.x"


@pytest.mark.usefixtures("package")
def test_the_search_space_and_the_suite_are_found_by_name() -> None:
    found = space.read("x")
    assert (found.method, len(found.points())) == ("x", 1)
    assert [variant.id for variant in suite.read("x_table3").variants] == ["full", "no-mixing"]
    assert "x" in space.space_names()
    assert shelf(suite.PACKAGE)["x_table3"].origin == "my-package"


def test_the_search_space_and_the_suite_are_read_by_their_path(package: Path) -> None:
    assert space.read(str(package / "search_spaces/x.yaml")).method == "x"
    assert suite.read(str(package / "ablations/x_table3.yaml")).method == "x"


def test_a_wheel_of_the_package_holds_its_yaml_files() -> None:
    tool = tomllib.loads(block("toml", "[project]"))["tool"]["setuptools"]
    assert tool["packages"] == ["my_package"]
    assert fnmatch("search_spaces/x.yaml", *tool["package-data"]["my_package"])


def test_the_skeleton_imports_as_methods_must() -> None:
    words = re.findall(r"^from (kgprism\S*) import", block("python", "class X("), re.MULTILINE)
    assert words
    assert all(word.startswith("kgprism.platform.") for word in words)


@pytest.mark.skipif(not find_spec("ruff"), reason="ruff comes with the extra 'dev'")
def test_the_skeleton_passes_the_linter(package: Path) -> None:
    for words in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *words, "--config", str(ROOT / "pyproject.toml"), str(package / "x.py")]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False, encoding="utf-8")
        assert done.returncode == 0, done.stdout
