"""The top level is fixed, ``platform/`` is no package of its own, and packaging names every folder."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {
    *("platform", "methods", "search_spaces", "ablations", "tests", "benchmarks", "docs"),
    *("cluster.yaml", "pyproject.toml", "README.md", "constraints.txt", "Makefile", "LICENSE"),
    *("CHANGELOG.md", "CONTRIBUTING.md", ".ci", ".gitignore"),
}
CODE = sorted(p for room in ("platform", "methods", "search_spaces", "ablations") for p in (ROOT / room).rglob("*.py"))


def test_top_level_holds_only_what_the_design_names() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} <= TOP_LEVEL


def test_platform_has_no_init_and_every_room_has_one() -> None:
    assert not (ROOT / "platform/__init__.py").exists()
    rooms = {path.parent for path in CODE} - {ROOT / "platform"}
    assert rooms
    assert all((room / "__init__.py").exists() for room in rooms)


def test_packages_on_disk_are_the_packages_in_pyproject() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    on_disk = {"kgprism." + ".".join(path.parent.relative_to(ROOT).parts) for path in CODE}
    assert on_disk == set(tool["packages"])


def test_no_module_bears_a_standard_library_name() -> None:
    assert not {path.name for path in CODE if path.stem in sys.stdlib_module_names}


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def test_pythons_own_platform_module_wins_from_the_root() -> None:
    code = "import platform, kgprism.platform.part; print(platform.system())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip()


def dependencies(extras: bool) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    if extras:
        wanted += [line for extra in project["optional-dependencies"].values() for line in extra]
    return {re.split(r"[\[<>=~]", line)[0] for line in wanted} - {"kgprism"}


def test_what_is_imported_is_a_dependency() -> None:
    nodes = [node for path in CODE for node in ast.walk(ast.parse(path.read_text()))]
    words = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    words |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    imported = {word.split(".")[0] for word in words} - sys.stdlib_module_names - {"kgprism"}
    names = {"ruamel": "ruamel.yaml", "torch_geometric": "torch-geometric"}
    assert {names.get(word, word) for word in imported} <= dependencies(extras=False)


def test_constraints_name_one_exact_version_of_every_dependency() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 for line in lines)
    assert not any("+" in line for line in lines)  # a local build such as +cpu is nowhere to be downloaded
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    assert dependencies(extras=True) <= pinned
