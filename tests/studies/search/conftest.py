"""A search's driver in another process, and a space of two objectives."""

import pytest

#: Another home's driver, with a trial under way until it hears a line, or is killed.
_OTHER = """\
import sys
from functools import partial
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.driver import driving
from kgprism.platform.studies.search.study import alone_at, begun
storage = sys.argv[1]
study = begun("s", storage, Goal())
with driving(study, partial(alone_at, storage), beat=float(sys.argv[2])):
    trial = study.ask()
    trial.suggest_float("rate", 0, 1)
    trial.set_user_attr("run", "0123")
    print(trial.number, flush=True)
    sys.stdin.readline()
    study.tell(trial, 0.5)
print("through", flush=True)
"""


@pytest.fixture
def other_driver() -> str:
    """Return a program of Python's that is given a storage and the seconds of its heartbeat."""
    return _OTHER
