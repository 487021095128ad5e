"""``kgprism doctor``: whether this machine can do the work, and what to do where it cannot."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from tempfile import TemporaryFile

import typer

from kgprism.platform.cli.options import Json
from kgprism.platform.cli.screen import say, show_json
from kgprism.platform.errors import RunError
from kgprism.platform.home import home

GIB = 1024**3


@dataclass(frozen=True)
class Check:
    """One thing looked at; ``advice`` is what to do where it is not well."""

    name: str
    well: bool
    found: str
    advice: str = ""


def doctor(json: Json = False) -> None:
    """Look at versions, machine, home and Ray; each failing line says what to do. Exit code 1 if one fails."""
    checks = []
    for check in look():
        checks.append(check)
        if not json:
            say(f"{'ok  ' if check.well else 'FAIL'}  {check.name}: {check.found}")
            if not check.well:
                say(f"      {check.advice}")
    if json:
        show_json([asdict(check) for check in checks])
    if not all(check.well for check in checks):
        raise typer.Exit(1)


def look() -> Iterator[Check]:
    """Yield every check, quick ones first."""
    yield _python()
    yield from _packages()
    yield from _machine()
    yield _writable(home())
    yield _disk(home())
    yield _ray()


def _python() -> Check:
    found = sys.version.split()[0]
    return Check("Python", sys.version_info >= (3, 11), found, "install Python 3.11 or newer: make PYTHON=python3.11")


def _packages() -> Iterator[Check]:
    """Compare what is installed with what this project asks for, and name the tested version where it is known."""
    from packaging.requirements import Requirement

    tested = _tested()
    for wanted in map(Requirement, requires("kgprism") or []):
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            found = ""
        pinned = tested.get(wanted.name.lower(), "")
        well = bool(found) and wanted.specifier.contains(found, prereleases=True)
        other = f" (tested with {pinned})" if pinned and found.split("+")[0] != pinned else ""
        advice = f"pip install '{wanted.name}=={pinned}'" if pinned else f"pip install '{wanted}'"
        yield Check(wanted.name, well, f"{found or 'not installed'}, wanted {wanted.specifier}{other}", advice)


def _tested() -> dict[str, str]:
    """Read the checkout's constraints; a wheel has none."""
    file = Path(__file__).parents[2] / "constraints.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return dict(line.lower().split("==") for line in lines if "==" in line and not line.startswith("#"))


def _machine() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Check("cores", cores >= 2, str(cores), "Ray needs at least 2 cores for one run beside its own processes")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    yield Check("memory", memory >= 4, f"{memory:.1f} GiB", "at least 4 GiB are needed, 16 GiB for the benchmarks")
    import torch

    names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    driver = shutil.which("nvidia-smi") is not None
    advice = f"torch {torch.__version__} sees no GPU: install a CUDA build of torch and a driver that fits it"
    yield Check("GPU", bool(names) or not driver, ", ".join(names) or "none: runs use the CPU", advice)


def _writable(folder: Path) -> Check:
    advice = "set KGPRISM_HOME to a folder that you may write to"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return Check("home", True, str(folder))
    except OSError as error:
        return Check("home", False, f"{folder}: {error.strerror}", advice)


def _disk(folder: Path) -> Check:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / GIB
    return Check("free disk", free >= 5, f"{free:.1f} GiB", "free at least 5 GiB, or set KGPRISM_HOME to another disk")


def _ray() -> Check:
    from kgprism.platform.studies.health import probe

    try:
        return Check("Ray", True, probe())
    except RunError as error:
        advice = "pip install 'ray[default,tune,train]'; end old sessions with `ray stop`; is RAY_ADDRESS right?"
        return Check("Ray", False, str(error), advice)
