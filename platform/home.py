"""Where the user's files live."""

import os
from pathlib import Path


def home() -> Path:
    """Return the user's folder, ``KGPRISM_HOME`` or ``~/kgprism``: ``data/ cache/ runs/ studies/ tables/``."""
    return Path(os.environ.get("KGPRISM_HOME") or Path.home() / "kgprism").expanduser().absolute()
