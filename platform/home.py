"""Where the user's files live."""

import os
from pathlib import Path

from kgprism.platform.errors import ConfigurationError


def home() -> Path:
    """Return the user's folder, ``KGPRISM_HOME`` or ``~/kgprism``: ``data/ cache/ runs/ studies/ tables/``.

    Raises:
        ConfigurationError: for an address such as ``s3://bucket/store``: runs are renamed into place and studies are
            SQLite files, and an object store has neither.
    """
    named = os.environ.get("KGPRISM_HOME", "")
    if "://" in named:
        raise ConfigurationError(
            f"KGPRISM_HOME={named.split('://')[0]}://... is an address: mount it, and name the folder (docs/cluster.md)"
        )
    return Path(named or Path.home() / "kgprism").expanduser().absolute()
