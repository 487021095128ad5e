"""Imports go one way (docs/architecture.md, Rooms); Ray, Optuna and printing each have their place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: From the top down: a room may import rooms of its own line and of the lines below it.
ORDER = [
    ["cli", "api", "notebook"],
    *(["studies.fair"], ["studies.search", "studies"], ["studies.execution"], ["studies.look"], ["studies.reports"]),
    *(["studies.inspection", "studies.evaluation"], ["studies.statistics"], ["studies.suites"], ["studies.store"]),
    *(["testing"], ["training"], ["methods"], ["families"], ["tasks", "nn"], ["features"], ["cluster"]),
    *(["data.catalogue"], ["data.readers", "data.inputs"], ["data"]),
    ["method", "module", "settings", "batch"],
    ["part", "configuration", "plain_yaml", "seeding", "source", "files", "locks", "errors", "home", "kept"],
]
LEVEL = {room: -line for line, rooms in enumerate(ORDER) for room in rooms}
TRAINER = "platform/training/trainer.py"
#: Who may import these, by the beginning of a file's name.
PLACES = {
    "ray": (
        "platform/cluster/",
        "platform/features/streaming",
        "platform/studies/execution/",
        "platform/studies/search/",
        TRAINER,
    ),
    "ray.train": (TRAINER,),
    "ray.tune": ("platform/studies/search/",),
    "optuna": ("platform/studies/search/",),
}
FILES = {str(p.relative_to(ROOT)): p for p in sorted([*ROOT.glob("platform/**/*.py"), *ROOT.glob("methods/*.py")])}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk everything that runs: what stands below ``if TYPE_CHECKING`` does not."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from nodes(node)


def imports(path: Path) -> Iterator[str]:
    for node in nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_public_module_is_no_room_to_import_from() -> None:
    with pytest.raises(AssertionError, match=r"kgprism\.load is in no room: methods import from kgprism\.platform"):
        room("kgprism.load")


def room(word: str) -> str:
    """Return the room of a dotted module or name, as deep as the order knows it."""
    steps = word.removeprefix("kgprism.").removeprefix("platform.").split(".")
    rooms = [".".join(steps[:depth]) for depth in (2, 1)]
    found = next((room for room in rooms if room in LEVEL), None)
    assert found, (
        f"{word} is in no room: methods import from kgprism.platform and its rooms (docs/architecture.md, Rooms)"
    )
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_file_knows_only_what_lies_below_it(name: str) -> None:
    here = room(name.removesuffix(".py").replace("/", "."))
    for word in imports(FILES[name]):
        if word.startswith("kgprism."):
            there = room(word)
            assert LEVEL[there] <= LEVEL[here], f"{name} imports {word}"
            assert (here, there) != ("methods", "methods"), f"{name} imports another method: {word}"
        for library, places in PLACES.items():
            assert not f"{word}.".startswith(f"{library}.") or name.startswith(places), f"{name} imports {word}"


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("platform/cli/")])
def test_only_the_command_line_prints(name: str) -> None:
    calls = [n.func for n in nodes(ast.parse(FILES[name].read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    assert not any(isinstance(call, ast.Name) and call.id == "print" for call in calls)
