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
    *("CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", ".ci", ".gitignore"),
}
CODE = sorted(p for room in ("platform", "methods", "search_spaces", "ablations") for p in (ROOT / room).rglob("*.py"))


def test_top_level_holds_only_what_the_design_names() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} <= TOP_LEVEL


def test_every_text_has_its_encoding_whatever_the_machine_speaks() -> None:
    calls = ((path, node) for path in CODE for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    missing = [
        (path, node.lineno) for path, node in calls if isinstance(node, ast.Call) and _leaves_encoding_open(node)
    ]
    assert not missing
    assert _leaves_encoding_open(_call("path.open()"))
    assert _leaves_encoding_open(_call("open(path, 'w')"))
    assert _leaves_encoding_open(_call("subprocess.run(words, text=True)"))
    assert not _leaves_encoding_open(_call("open(path, 'rb')"))
    assert not _leaves_encoding_open(_call("path.read_text(encoding='utf-8')"))


def _leaves_encoding_open(call: ast.Call) -> bool:
    """Tell whether a call opens a file or a process as text in whatever the machine's language is."""
    word = getattr(call.func, "attr", getattr(call.func, "id", ""))
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in named:
        return False
    if word in ("run", "Popen", "check_output"):
        return bool({"text", "universal_newlines"} & set(named))
    if word == "open":
        place = 0 if isinstance(call.func, ast.Attribute) else 1
        mode = named.get("mode", call.args[place] if len(call.args) > place else None)
        return not (isinstance(mode, ast.Constant) and "b" in str(mode.value))
    return (word, len(call.args)) in (("read_text", 0), ("write_text", 1)) or word in ("fdopen", "TextIOWrapper")


def _call(text: str) -> ast.Call:
    (call,) = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return call


def test_platform_has_no_init_and_every_room_has_one() -> None:
    assert not (ROOT / "platform/__init__.py").exists()
    rooms = {path.parent for path in CODE} - {ROOT / "platform"}
    assert rooms
    assert all((room / "__init__.py").exists() for room in rooms)


def test_packages_on_disk_are_the_packages_in_pyproject() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    on_disk = {"kgprism." + ".".join(path.parent.relative_to(ROOT).parts) for path in CODE}
    # The public module is the package `kgprism` itself.
    assert tool["package-dir"]["kgprism"] == "platform/api"
    assert on_disk - {"kgprism.platform.api"} | {"kgprism"} == set(tool["packages"])


def test_no_module_bears_a_standard_library_name() -> None:
    assert not {path.name for path in CODE if path.stem in sys.stdlib_module_names}


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


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


def imported() -> set[str]:
    """Return the projects whose packages the code imports, at the top of a file or inside a function."""
    nodes = [node for path in CODE for node in ast.walk(ast.parse(path.read_text()))]
    words = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    words |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names = {"PIL": "pillow", "ruamel": "ruamel.yaml", "torch_geometric": "torch-geometric"}
    packages = {word.split(".")[0] for word in words} - sys.stdlib_module_names - {"kgprism"}
    return {names.get(package, package) for package in packages}


def test_what_is_imported_is_a_dependency() -> None:
    assert imported() <= dependencies(extras=False)


#: Dependencies that another library imports for us, and the word in our code that makes it do so.
BEHIND = {"cmaes": "CmaEsSampler(", "tensorboard": "torch.utils.tensorboard", "pyarrow": ".to_parquet("}


def test_a_dependency_is_imported() -> None:
    asked = {name for name, word in BEHIND.items() if any(word in path.read_text() for path in CODE)}
    assert dependencies(extras=False) == imported() | asked


def test_constraints_name_one_exact_version_of_every_dependency() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 for line in lines)
    assert not any("+" in line for line in lines)  # a local build such as +cpu is nowhere to be downloaded
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    assert dependencies(extras=True) <= pinned


@pytest.mark.parametrize("room", sorted({path.parent for path in CODE}), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_can_be_seen_at_a_glance(room: Path) -> None:
    assert len(list(room.glob("*.py"))) <= 15


def test_the_newest_release_of_the_changelog_is_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)
    assert releases[0][0] == version
    assert releases == sorted(releases, key=lambda one: [*map(int, one[0].split("."))], reverse=True)
    assert changelog.index("## Unreleased") < changelog.index(f"## {version}")
