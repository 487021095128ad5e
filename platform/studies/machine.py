"""What a run was carried out with; never a name, a path or an account."""

import os
import platform
from importlib.metadata import version

import torch


def facts() -> dict[str, str]:
    """Return processor, cores and the versions that can change a number's last digits."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    versions = {name: version(name) for name in ("kgprism", "torch", "numpy")}
    machine = {"processor": platform.machine(), "cores": str(os.cpu_count()), "gpu": gpu}
    return machine | versions | {"python": platform.python_version()}
