"""Large tensors lie on large pages wherever the kernel gives them, unless somebody said no."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_SYSTEM = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_BY_REQUEST = _SYSTEM.exists() and "[madvise]" in _SYSTEM.read_text(encoding="utf-8")
_LOOK = """
import kgprism, torch
table = torch.zeros(64, 1 << 20).add_(1)
found = next(line for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages"))
print(int(found.split()[1]) // 1024)  # kB
"""


def _mebibytes(**environment: str) -> int:
    """Return how many MiB of large pages a process has that holds a tensor of 256 MiB."""
    clean = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    done = subprocess.run(
        [sys.executable, "-c", _LOOK], env=clean | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not _BY_REQUEST, reason="this kernel gives no large pages by request")
def test_large_tensors_lie_on_large_pages_unless_told_otherwise() -> None:
    small = _mebibytes(THP_MEM_ALLOC_ENABLE="0")
    # A machine short of whole pages may give fewer than all.
    assert _mebibytes() > small + 32
