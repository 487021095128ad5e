"""What a run was carried out with: hardware, packages, code; never a name, a path or an account."""

import os
import platform
import re
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path

from pydantic import JsonValue

#: Seconds that git may take to say what is changed.
_PATIENCE = 20.0


@cache
def hardware() -> dict[str, str]:
    """Return processor, cores, memory, GPUs and operating system."""
    import torch

    gpus = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    names = [f"{gpu.name}, {_gib(gpu.total_memory)}" for gpu in gpus]
    found = {"processor": platform.machine(), "model": _model(), "cores": str(os.cpu_count())}
    found |= {"memory": _gib(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))}
    found |= {"gpu": "; ".join(names) or "none", "system": f"{platform.system()} {platform.release()}"}
    return found | ({"cuda": torch.version.cuda} if torch.version.cuda else {})


def packages(module: str) -> dict[str, str]:
    """Return the versions of Python, of this project, of what it depends on, and of what has brought a method's module.

    Extras decide no number of a run.
    """
    names = {"kgprism", *_brought(module.partition(".")[0])}
    own = (line for line in requires("kgprism") or () if "extra ==" not in line)
    names |= {found.group() for line in own if (found := re.match(r"[\w.-]+", line))}
    versions = {name: word for name in sorted(names) if (word := _version(name))}
    return {"python": platform.python_version()} | versions


@cache
def code() -> dict[str, JsonValue]:
    """Return the commit of this project's code, and whether code was changed since; nothing if it is no checkout.

    It is asked for when a run begins, as the files may be edited while it is going on.
    """
    return commit_of(Path(__file__))


def commit_of(file: Path) -> dict[str, JsonValue]:
    """Return the commit of the checkout that a file belongs to, and whether any code in it was changed since."""
    tracked = _git(file.parent, "ls-files", "--error-unmatch", file.name)
    commit = _git(file.parent, "rev-parse", "HEAD") if tracked else None  # it may be installed inside another project
    if not commit:
        return {}
    changed = _git(file.parent, "status", "--porcelain", "--untracked-files=all", "--", ":(top)*.py")
    return {"commit": commit, "dirty": changed != ""}


def _git(folder: Path, *words: str) -> str | None:
    """Return what git says, none if there is no git or it refuses."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # of whoever calls us
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *words]
    try:
        return subprocess.run(
            command, env=own, capture_output=True, check=True, encoding="utf-8", timeout=_PATIENCE
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None


@cache
def _brought(package: str) -> list[str]:
    """Return the distributions that have installed a method's package."""
    return [] if package == "kgprism" else packages_distributions().get(package, [])


@cache
def _version(name: str) -> str | None:
    """Return a version as it was when it was first asked for: what is installed later is not what this process runs."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _model() -> str:
    """Return the name of the processor, as its maker sells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor()


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
