"""Who carries a search out: one process at a time, from whatever home; the study itself tells, with a heartbeat."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from uuid import uuid4

import optuna
from optuna.exceptions import OptunaError
from sqlalchemy.exc import SQLAlchemyError

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.home import home
from kgprism.platform.kept import DamagedError, Kept, checked

#: The study's attribute, and the seconds between two heartbeats.
ATTRIBUTE, BEAT = "driver", 5.0
#: Heartbeats after which a driver that was not heard is looked at, and how many it is then given to be heard.
_OLD, _LAST = 6, 2


class Driver(Kept):
    """What a study says of the process that carries it out; ``heard`` is its own clock's, in seconds since 1970."""

    token: str
    host: str
    pid: int
    home: str
    heard: float

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} (home {self.home})"


def driver_of(study: optuna.Study) -> Driver | None:
    """Return who carries a study out, or did when it was killed; none where the last one said that it was through."""
    told = study.user_attrs.get(ATTRIBUTE)
    try:
        return checked(told, Driver, "driver") if told else None
    except DamagedError:  # nobody of ours
        return None


def alive(driver: Driver, beat: float = BEAT) -> bool:
    """Tell whether a driver was heard lately, as far as the clocks of two machines agree."""
    return time.time() - driver.heard <= _OLD * beat


def refuse_driven(study: optuna.Study) -> None:
    """Refuse, before anything is started, a study that another home's driver was heard of lately.

    Raises:
        ConfigurationError: naming it.
    """
    if (other := driver_of(study)) and alive(other) and not _of_this_home(other):
        raise ConfigurationError(_told(other, BEAT))


@contextmanager
def driving(
    study: optuna.Study, alone: Callable[[], AbstractContextManager[bool]], beat: float = BEAT
) -> Iterator["Driving"]:
    """Be the driver of a study as long as the block lasts. This process holds the search's lock of its home.

    `alone` lets one process at a time look and claim, as far as the storage has such a lock.

    Raises:
        ConfigurationError: if another process is the driver, and lives.
    """
    mine = Driving(study, beat)
    mine.claim(alone)
    beats = threading.Thread(target=mine.keep, name="heartbeat", daemon=True)
    beats.start()
    try:
        yield mine
    finally:
        mine.ended.set()
        beats.join()
        mine.leave()


class Driving:
    """This process as a driver. ``lost``: another one took the study over, because no heartbeat had come for long."""

    def __init__(self, study: optuna.Study, beat: float = BEAT) -> None:
        self.study, self.beat, self.token = study, beat, uuid4().hex
        self.ended, self.lost = threading.Event(), False

    def claim(self, alone: Callable[[], AbstractContextManager[bool]]) -> None:
        """Become the driver.

        Raises:
            ConfigurationError: if another process is, and lives.
        """
        before = driver_of(self.study)
        if before and not self._dead(before):
            raise ConfigurationError(_told(before, self.beat))
        with alone():
            now = driver_of(self.study)
            if now and (before is None or now.token != before.token):
                raise ConfigurationError(_told(now, self.beat))
            self._say()
        if not (now := driver_of(self.study)) or now.token != self.token:
            raise ConfigurationError(_told(now or self._self(), self.beat))

    def keep(self) -> None:
        """Say again and again that this process lives, until it is through or another one has taken over."""
        while not self.ended.wait(self.beat):
            with suppress(OptunaError, SQLAlchemyError):  # a storage that is busy is asked again
                if not self._mine():
                    self.lost = True
                    return
                self._say()

    def leave(self) -> None:
        """Say that this process is through."""
        with suppress(OptunaError, SQLAlchemyError):
            if self._mine():
                self.study.set_user_attr(ATTRIBUTE, None)

    def _mine(self) -> bool:
        now = driver_of(self.study)
        return now is not None and now.token == self.token

    def _self(self) -> Driver:
        return Driver(token=self.token, host=socket.gethostname(), pid=os.getpid(), home=str(home()), heard=time.time())

    def _say(self) -> None:
        self.study.set_user_attr(ATTRIBUTE, self._self().model_dump())

    def _dead(self, other: Driver) -> bool:
        if _of_this_home(other):
            return True  # this process holds the lock that died with it
        if alive(other, self.beat):
            return False
        # Perhaps only its clock is behind ours.
        time.sleep(_LAST * self.beat)
        return driver_of(self.study) == other


def _of_this_home(other: Driver) -> bool:
    return (other.host, other.home) == (socket.gethostname(), str(home()))


def _told(other: Driver, beat: float) -> str:
    ago = max(0.0, time.time() - other.heard)
    return (
        f"this search is running in another process: {other}, last heard {ago:.0f} s ago; "
        f"if it was killed, try again {_OLD * beat:.0f} s after that"
    )
