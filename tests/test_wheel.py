"""What a user gets who installs the wheel instead of the checkout."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from kgprism.platform.data.catalogue.cache import readers_digest
from kgprism.platform.method import names
from kgprism.platform.training.run import source_digest

ROOT = Path(__file__).parents[1]
ROOMS = ("platform", "methods", "search_spaces", "ablations")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy of what git knows, so that no build folder of the checkout leaks in."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    build = (
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(folder / "source"),
    )
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.whl"))


def test_wheel_holds_every_module_and_every_study(wheel: Path) -> None:
    wanted = {
        # The public module is the package `kgprism` itself.
        f"kgprism/{path.relative_to(ROOT)}".replace("/platform/api/", "/")
        for room in ROOMS
        for suffix in ("py", "yaml", "jinja")
        for path in (ROOT / room).rglob(f"*.{suffix}")
    }
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wanted <= names
    assert not {name for name in names if name.endswith("platform/__init__.py") or "/api/" in name}
    assert any(name.endswith("licenses/LICENSE") for name in names)


INSIDE = """
import platform; assert platform.system()
import kgprism; assert kgprism.__path__ == [{target!r} + "/kgprism"], kgprism.__path__
import kgprism.platform.method as method
from kgprism.platform.studies.search.spaces.space import read as space, space_names
from kgprism.platform.studies.suites.suite import read as suite, suite_names
assert method.__file__.startswith({target!r}), method.__file__
assert "loginmea" in method.names()
assert "loginmea" in space_names() and space("loginmea").method == "loginmea"
assert "demo" in suite_names() and suite("demo").method == "loginmea"
assert kgprism.Method is method.Method
from kgprism.platform.data.catalogue.cache import readers_digest
from kgprism.platform.training.run import source_digest
print(*map(source_digest, method.names()), readers_digest())
"""


def test_installed_wheel_finds_its_parts_by_name(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    install = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target))
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    # -S keeps the editable install of the checkout out; its other packages come back through the path.
    libraries = [entry for entry in sys.path if entry.endswith("site-packages")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(target), *libraries])}
    code = INSIDE.format(target=str(target))
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # A run has one identity wherever its code lies.
    assert done.stdout.split() == [*map(source_digest, names()), readers_digest()]
