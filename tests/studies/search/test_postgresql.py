"""A study in a real PostgreSQL: a new database, two homes, a driver that is killed. Skips where none is installed."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from optuna.trial import TrialState

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search import study as studies
from kgprism.platform.studies.search.driver import driver_of, driving
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import alone_at, begun, continued, studies_of

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED or find_spec("psycopg2") is None, reason="no PostgreSQL or no psycopg2 here"),
]
BEAT = 0.5


@pytest.fixture
def storage() -> Iterator[str]:
    """Start a server that listens in a folder of its own only; it does not run as root."""
    folder = Path(tempfile.mkdtemp(prefix="kgprism-"))
    root = os.geteuid() == 0
    known = {one.pw_name for one in pwd.getpwall()}
    if root and "postgres" not in known:
        pytest.skip("no user postgres to start a server as")
    if root:
        shutil.chown(folder, "postgres")
    command = partial(subprocess.run, check=True, capture_output=True, cwd=folder, user="postgres" if root else None)
    programs, data = INSTALLED[-1].parent, folder / "db"
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    try:
        command([programs / "initdb", "-D", data, "-A", "trust", "-U", "kg", "--no-sync"])
        # Its own files are all that it writes to: a pipe that it holds open would never end.
        command([programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"])
        yield f"postgresql+psycopg2://kg@/postgres?host={folder}"
    finally:
        subprocess.run(
            [programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
            check=False,
            capture_output=True,
            cwd=folder,
            user="postgres" if root else None,
        )
        shutil.rmtree(folder, ignore_errors=True)


def test_two_homes_and_a_kill(storage: str, other_driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert studies_of(storage) == []  # nothing was made in a new database
    monkeypatch.setenv("KGPRISM_HOME", "/elsewhere")
    other = subprocess.Popen([sys.executable, "-c", other_driver, storage, str(BEAT)], stdin=-1, stdout=-1, text=True)
    monkeypatch.setenv("KGPRISM_HOME", "/here")
    assert other.stdout is not None
    assert other.stdout.readline() == "0\n"
    (study,) = studies_of(storage, "s")
    claim = partial(driving, study, partial(alone_at, storage), BEAT)
    with pytest.raises(ConfigurationError, match=f"running in another process: process {other.pid} on "), claim():
        pass
    other.kill()
    other.wait()
    with pytest.MonkeyPatch.context() as later:
        # Long after: whose last heartbeat is old, and stays so.
        heard = driver_of(study)
        assert heard is not None
        later.setattr("kgprism.platform.studies.search.driver.time.time", lambda: heard.heard + 1_000)
        with claim():
            continued(study, storage, Search(), 0)
    freed, queued = study.get_trials()
    assert (freed.state, queued.state) == (TrialState.FAIL, TrialState.WAITING)
    assert queued.system_attrs["fixed_params"] == freed.params
    assert begun("s", storage, Goal()).study_name == "s"


def test_a_driver_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*about: object, **options: object) -> None:
        raise ModuleNotFoundError("No module named 'psycopg2'")

    monkeypatch.setattr(studies, "has_tables", missing)
    with pytest.raises(ConfigurationError, match=r"No module named 'psycopg2': pip install 'kgprism\[postgresql\]'"):
        studies_of("postgresql://me:secret@there/x")
