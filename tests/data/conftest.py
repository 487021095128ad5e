"""What tests of the data share."""

from pathlib import Path

import pytest


@pytest.fixture
def home(own_home: Path) -> Path:
    """The test's own KGPRISM_HOME."""
    return own_home
