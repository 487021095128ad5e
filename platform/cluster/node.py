"""What one machine of a cluster says of itself; runs on that machine and knows nothing of Ray."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

from kgprism.platform.cluster.check import GIB
from kgprism.platform.cluster.upload import code_digest

#: The file that the asking machine leaves in the probe's folder, for others to find.
MARK = "mark"

_COUNT = "import torch; print(*(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())), sep='\\n')"


@dataclass(frozen=True)
class Report:
    """One machine. ``memory`` and ``disk`` are free GiB, ``spill`` is the free share of Ray's own disk; ``home`` says
    what is wrong with the user's folder, or nothing; ``driver`` and ``torch`` name the GPUs that each of them sees."""

    versions: dict[str, str]
    memory: float
    disk: float
    spill: float
    home: str
    driver: tuple[str, ...]
    torch: tuple[str, ...]


def report(probe: Path, mark: str, declared_gpus: float) -> Report:
    """Look at this machine. `probe` is a folder in the user's home that holds a file `MARK` with the text `mark`.

    The home is judged from inside it: a folder of the same name on another disk does not hold that file.
    """
    driver = _lines("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    disk, spill = (shutil.disk_usage(_present(folder)) for folder in (probe, Path(gettempdir())))
    # torch takes seconds to load, and nobody expects it to find anything where neither driver nor Ray know of a GPU.
    seen = _lines(sys.executable, "-c", _COUNT) if driver or declared_gpus else ()
    return Report(
        versions=versions(),
        memory=free_memory(),
        disk=disk.free / GIB,
        spill=spill.free / spill.total,
        home=home_problem(probe, mark),
        driver=driver,
        torch=seen,
    )


def versions() -> dict[str, str]:
    """Return Python's, this project's and its dependencies' versions, and a digest of this project's code."""
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in requires("kgprism") or []]
    names = ["kgprism", *(one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""}))]
    found = {"python": platform.python_version()}
    for name in names:
        try:
            # Behind a plus stands how it was built, such as cpu or cu128: that may differ.
            found[name] = version(name).split("+")[0]
        except PackageNotFoundError:
            found[name] = "none"
    return found | {"code": code_digest()}


def home_problem(probe: Path, mark: str) -> str:
    """Return what keeps this machine from reading and writing beside `MARK`, or nothing."""
    try:
        if (probe / MARK).read_text(encoding="utf-8") != mark:
            return "is another folder than on the machine that asks"
        own = probe / uuid4().hex
        own.write_text(mark, encoding="utf-8")
        back = own.read_text(encoding="utf-8")
        own.unlink()
    except FileNotFoundError:
        return "is not shared with the machine that asks" if probe.parent.is_dir() else "is not there"
    except OSError as error:
        return f"cannot be read and written: {error.strerror}"
    return "" if back == mark else "gives back something else than was written"


def free_memory() -> float:
    """Return the GiB that a new process can have."""
    table = Path("/proc/meminfo")
    if table.exists():
        entries = dict(line.split(":") for line in table.read_text(encoding="utf-8").splitlines())
        return int(entries["MemAvailable"].split()[0]) * 1024 / GIB
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB


def _lines(*command: str) -> tuple[str, ...]:
    # Ray hides all GPUs from a process that asked for none.
    shown = {key: value for key, value in os.environ.items() if not key.endswith("_VISIBLE_DEVICES")}
    try:
        done = subprocess.run(command, env=shown, capture_output=True, encoding="utf-8", timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())


def _present(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
