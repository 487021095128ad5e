"""Imports go one way (architecture, section 2); Ray, Optuna and printing each have their place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    {"configuration", "part", "seeding", "errors", "home"},
    {"settings", "method", "batch"},
    {"data", "nn"},
    *({"tasks"}, {"methods"}, {"training"}, {"studies"}, {"cli"}),
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
FILES = {str(p.relative_to(ROOT)): p for p in sorted([*ROOT.glob("platform/**/*.py"), *ROOT.glob("methods/*.py")])}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk everything that runs: what stands below ``if TYPE_CHECKING`` does not."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from nodes(node)


def imports(path: Path) -> Iterator[str]:
    for node in nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("name", FILES)
def test_a_file_knows_only_what_lies_below_it(name: str) -> None:
    here = name.removeprefix("platform/").removesuffix(".py").split("/")[0]
    for word in imports(FILES[name]):
        top, *rest = word.split(".")
        if top == "kgprism":
            there = rest[1] if rest[0] == "platform" else rest[0]
            assert LEVEL[there] <= LEVEL[here], f"{name} imports {word}"
            assert (here, there) != ("methods", "methods"), f"{name} imports another method: {word}"
        assert top != "optuna" or here == "studies", f"{name} imports {word}"
        assert top != "ray" or here == "studies" or name == "platform/training/trainer.py", f"{name} imports {word}"


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("platform/cli/")])
def test_only_the_command_line_prints(name: str) -> None:
    calls = [n.func for n in nodes(ast.parse(FILES[name].read_text())) if isinstance(n, ast.Call)]
    assert not any(isinstance(call, ast.Name) and call.id == "print" for call in calls)
