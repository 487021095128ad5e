"""A mistake in a method's code is told once, with its place; what a machine does is none."""

import importlib
from pathlib import Path

import pytest
import torch
from ray.exceptions import RayActorError, RayError

from kgprism.platform.configuration import digest
from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import RunError
from kgprism.platform.training import mistakes, trainer
from kgprism.platform.training.mistakes import MistakeError, Mistakes
from kgprism.platform.training.run import Run, plan
from kgprism.platform.training.workers import Workers

CODE = """\
import torch

def forward(width):
    table = torch.ones(3, width)
    return table @ torch.ones(4, 1)

def own():
    class MyError(Exception): ...
    raise MyError("the first line\\nthe second")
"""


@pytest.fixture(autouse=True)
def _not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the second that it takes to ask which distribution brought a package."""
    monkeypatch.setattr(mistakes, "shipped_with", lambda package: {package})


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "somebodys_method.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("somebodys_method")
    importlib.sys.modules.pop("somebodys_method")


def test_the_place_is_the_methods_own_line(module) -> None:
    with pytest.raises(MistakeError) as caught, Mistakes("somebodys_method"):
        module.forward(3)
    assert str(caught.value).startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert str(caught.value).endswith(f"({module.__file__}:5, in forward)")
    with pytest.raises(MistakeError) as caught, Mistakes("somebodys_method", several=True):
        module.own()
    assert str(caught.value) == f"MyError: the first line ({module.__file__}:9, in own)"
    assert isinstance(caught.value.__cause__, Exception)


def test_what_is_left_when_another_process_has_gone_is_no_mistake() -> None:
    # Ray Train takes the process group away from who is left.
    with pytest.raises(ValueError, match="Default process group"), Mistakes("somebodys_method", several=True):
        Workers(0, 2).agree("an epoch")


def test_a_method_that_cannot_be_called_is_named(module) -> None:
    def step() -> None:
        module.forward(3, "train")

    step.__globals__["__name__"], before = "kgprism.platform.training.steps", __name__
    try:
        with pytest.raises(MistakeError) as caught, Mistakes("somebodys_method"):
            step()
    finally:
        step.__globals__["__name__"] = before
    assert str(caught.value).startswith("TypeError: forward() takes 1 positional argument but 2 were given (")
    assert str(caught.value).endswith(f", in step; the method is {module.__file__})")


def test_an_error_below_a_method_of_somebody_else_names_our_line() -> None:
    with (
        pytest.raises(MistakeError, match=r"^ConfigError: x \(.*test_mistakes.py:\d+, in test_.*; the method"),
        Mistakes("nobodys"),
    ):
        raise type("ConfigError", (ValueError,), {})("x")
    with (
        pytest.raises(MistakeError, match=r"platform/configuration.py:\d+, in digest; the method is nobodys"),
        Mistakes("nobodys"),
    ):
        digest(object())


@pytest.mark.parametrize(
    "error",
    [
        *(torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), OSError(28, "No space left"), RayActorError()),
        *(RunError("loss is nan"), RuntimeError("CUDA error: an illegal memory access"), KeyboardInterrupt()),
    ],
    ids=repr,
)
def test_what_a_machine_does_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, Mistakes("somebodys_method", besides=RayError):
        raise error
    assert caught.value is error


def test_several_processes_may_fail_by_each_others_death() -> None:
    gone = RuntimeError("[../third_party/x.cc] closed by peer")
    with pytest.raises(RuntimeError) as caught, Mistakes("somebodys_method", several=True):
        raise gone
    assert caught.value is gone


@pytest.mark.parametrize("size", [1, 2])
def test_a_mistake_is_left_and_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    run, graphs, tries = plan("loginmea", toy.aligned(), 0), toy.aligned(), list[Run]()

    def execute(run: Run, *others: object, **options: object) -> None:
        tries.append(run)
        raise TypeError("a bug")

    monkeypatch.setattr(trainer, "execute", execute)
    last = Workers(size - 1, size)
    for attempt in range(3):
        if size > 1 and attempt == 0:  # the others must not wait for it
            with pytest.raises(MistakeError):
                trainer._try(run, graphs, tmp_path, lambda row: False, last)
        else:
            trainer._try(run, graphs, tmp_path, lambda row: False, last)
    assert len(tries) == 1
    with pytest.raises(RunError, match=r"^TypeError: a bug \(.*\.py:\d+, in "):
        trainer._read(tmp_path / "outcome.pt")
