"""What tests of several rooms share: one Ray session, a home of their own, the real data if they are there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the user's own home."""
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """One Ray session for all tests marked ``ray``; nothing may be left behind at its end."""
    import ray
    from ray.util import placement_group_table

    from kgprism.platform.studies.session import session

    with session(num_cpus=6):
        yield
        left = [g for g in placement_group_table().values() if g["state"] != "REMOVED"]
        assert not left, f"placement groups left behind: {left}"
        assert ray.is_initialized()


@pytest.fixture
def real() -> Path:
    """The real benchmarks; tests that use it are marked ``real``."""
    if not REAL.exists():
        pytest.skip(f"no real data at {REAL}")
    return REAL
