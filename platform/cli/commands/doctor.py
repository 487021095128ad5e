"""``kgprism doctor``: whether this machine can do the work, and what to do where it cannot."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, requires, version
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from kgprism.platform.cli.options import Json
from kgprism.platform.cli.screen import say, show_json
from kgprism.platform.cluster.check import GIB, Check
from kgprism.platform.errors import ConfigurationError, RunError
from kgprism.platform.home import home, refuse_unwritable

Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="WHERE",
        help="A cluster: `auto` or HOST:PORT on one of its machines, its job server's URL from elsewhere.",
    ),
]


def doctor(address: Address = None, json: Json = False) -> None:
    """Look at this machine and at all nodes of Ray; each failing line says what to do. Exit code 1 if one fails."""
    checks = []
    for check in look(address):
        checks.append(check)
        if not json:
            say(f"{'ok  ' if check.well else 'FAIL'}  {check.name}: {check.found}")
            if not check.well:
                say(f"      {check.advice}")
    if json:
        show_json([asdict(check) for check in checks])
    if not all(check.well for check in checks):
        raise typer.Exit(1)


def look(address: str | None = None) -> Iterator[Check]:
    """Yield every check, quick ones first; behind a URL the cluster's head looks, in a job.

    Raises:
        ConfigurationError: if `address` is one of Ray's client, which knows no nodes.
    """
    if address and address.startswith("ray://"):
        host = urlsplit(address).hostname
        raise ConfigurationError(f"--address {address}: Ray's client cannot look at nodes, try http://{host}:8265")
    if address and address.startswith(("http://", "https://")):
        yield from _remote(address)
        return
    yield _python()
    yield _import()
    yield from _packages()
    yield from _machine()
    yield _writable(home())
    yield _disk(home())
    yield from _ray(address)


def _python() -> Check:
    found = sys.version.split()[0]
    return Check("Python", sys.version_info >= (3, 11), found, "install Python 3.11 or newer: make PYTHON=python3.11")


def _import() -> Check:
    """Import this project as Python does that is started here: a clone in this folder hides what is installed."""
    command = "import kgprism; kgprism.runs"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, encoding="utf-8", check=False)
    told = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    hiding = [path.absolute() for path in (Path("kgprism"), Path("kgprism.py")) if path.exists()]
    advice = f"python -c '{command}' tells more"
    if hiding:
        advice = f"{hiding[0]} hides what is installed: start Python in another folder (inside a clone is well)"
    return Check(
        "import kgprism", not done.returncode, "found from this folder" if not done.returncode else told, advice
    )


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
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
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
    advice = "set KGPRISM_HOME to a folder that you may write to, on a disk that has room"
    try:
        refuse_unwritable(folder)
    except ConfigurationError as error:
        return Check("home", False, str(error).removeprefix("home ").partition(";")[0], advice)
    return Check("home", True, str(folder))


def _disk(folder: Path) -> Check:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / GIB
    return Check("free disk", free >= 5, f"{free:.1f} GiB", "free at least 5 GiB, or set KGPRISM_HOME to another disk")


def _ray(address: str | None) -> Iterator[Check]:
    from kgprism.platform.cluster.inspection import inspect
    from kgprism.platform.cluster.session import StartError

    try:
        yield from inspect(address)
    except StartError as error:
        yield Check("Ray", False, error.why, error.advice)
    except RunError as error:
        yield Check("Ray", False, str(error), "what is wrong with the home is said above")


def _remote(address: str) -> Iterator[Check]:
    from kgprism.platform.cluster.jobs import connect

    try:
        jobs = connect(address)
        yield Check("job server", True, jobs.address)
        pieces: list[str] = []
        job = jobs.follow(jobs.submit(["doctor", "--json"]), pieces.append)
    except RunError as error:
        yield Check(
            "job server", False, str(error), "reach it first: `ray dashboard cluster.yaml`, then `kgprism jobs`"
        )
        return
    yield from read_checks("".join(pieces), f"kgprism jobs logs {job.id} --address {address}")


def read_checks(log: str, see: str) -> Iterator[Check]:
    """Yield the checks that ``kgprism doctor --json`` printed on another machine, whatever else stands around them."""
    _, found, rest = f"\n{log}".partition("\n[\n")
    try:
        for entry in JSONDecoder().raw_decode(f"[{rest}")[0] if found else []:
            yield Check(**entry)
    except (JSONDecodeError, TypeError):
        found = ""
    if not found:
        last = (log.strip().splitlines() or ["no log"])[-1]
        yield Check("doctor there", False, last, f"all that it said: {see}")
