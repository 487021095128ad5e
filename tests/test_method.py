"""The class that a file or an entry point stands for, and what a method's configuration is."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from kgprism.platform import method
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import Alignment, Completion, defined, device, load

TOP = "from kgprism.platform.method import Alignment, Completion\n"


@pytest.fixture
def module(tmp_path: Path) -> Iterator[ModuleType]:
    """An empty module; `fill` it with source."""
    made = ModuleType("a_file")
    made.__file__ = str(tmp_path / "a_file.py")
    yield made
    sys.modules.pop("a_file", None)


def fill(module: ModuleType, source: str) -> ModuleType:
    sys.modules[module.__name__] = module
    exec(compile(TOP + source, str(module.__file__), "exec"), vars(module))
    return module


def test_a_shared_base_class_above_the_method_is_not_taken_for_it(module: ModuleType) -> None:
    fill(module, "class Skeleton(Alignment): ...\nclass Mine(Skeleton): ...\nAlias = Mine")
    assert defined(module).__name__ == "Mine"


def test_what_is_imported_is_no_method_of_the_file(module: ModuleType) -> None:
    fill(module, "from kgprism.methods.kge import KGE\nclass Mine(KGE): ...")
    assert defined(module).__name__ == "Mine"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", "found none"),
        ("class Other: ...", "found none"),
        ("from kgprism.methods.kge import KGE", "found none"),
        ("class B(Alignment): ...\nclass A(Completion): ...", r"found 2 of them \(A, B\)"),
    ],
)
def test_a_file_without_exactly_one_says_so_in_one_line(module: ModuleType, source: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"a_file\.py: expected one class that derives from Method, {told}$"):
        defined(fill(module, source))


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Installed plug-ins of three kinds."""
    values = {"by_class": "kgprism.methods.kge:KGE", "by_module": "kgprism.methods.kge", "neither": "math:pi"}
    points = [EntryPoint(name, value, "kgprism.methods") for name, value in values.items()]

    def found(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if name in (None, point.name)]

    monkeypatch.setattr(method, "entry_points", found)
    load.cache_clear()
    yield
    load.cache_clear()


@pytest.mark.usefixtures("plugged")
def test_an_entry_point_names_a_class_or_its_module() -> None:
    assert load("by_class") is load("by_module") is load("kge")


@pytest.mark.usefixtures("plugged")
def test_an_entry_point_to_something_else_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="entry point neither = math:pi is neither a method's class nor its"):
        load("neither")


def test_the_argument_of_the_base_is_the_configuration() -> None:
    class Config(Completion.Config):
        depth: int = 3

    class Mine(Completion[Config]): ...

    class Heir(Mine): ...

    assert Mine.Config is Heir.Config is Config
    assert Alignment.Config is not Config


@pytest.mark.parametrize("word", ["gpu", "cuda:99", "meta", "", "mps:7"])
def test_a_device_that_is_not_here_is_one_line(word: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^train.device={word}: [^\n]+; cpu, cuda or auto$"):
        device(word)


def test_a_device_that_is_here() -> None:
    assert device("cpu").type == "cpu"
    assert device("auto").type in ("cpu", "cuda")


@pytest.mark.parametrize("task", [Alignment, Completion])
def test_every_setting_that_all_methods_share_says_what_it_is(task: type[method.Method]) -> None:
    groups = [task.Config.model_fields[name].annotation for name in ("data", "train", "eval")]
    assert not [
        name for group in groups if group for name, field in group.model_fields.items() if not field.description
    ]
