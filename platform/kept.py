"""Files that this program has written and reads back, each through a schema; what does not pass is set aside."""

import errno
import warnings
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kgprism.platform.errors import DataError, first_line

#: Where damaged files and folders go, beside their place; only `kgprism runs gc` deletes there.
FOLDER = ".damaged"


class Kept(BaseModel):
    """The schema of a file: nothing is taken for what it is not, and what is not known was written by newer code."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="ignore",
        arbitrary_types_allowed=True,
        ser_json_inf_nan="constants",  # else a number that is not finite is written as null, which is not read
    )


K = TypeVar("K", bound=Kept)


class DamagedError(DataError):
    """A file of our own that is not what we wrote."""


class SetAsideWarning(UserWarning):
    """Says in one line what was set aside, and where."""


def read(file: Path, schema: type[K]) -> K | None:
    """Return what a JSON file holds, none if there is no such file.

    Raises:
        DamagedError: if it holds something else.
        DataError: if it cannot be read at all, such as where one may not.
    """
    try:
        return schema.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (IsADirectoryError, NotADirectoryError) as error:
        raise DamagedError(f"{error.strerror}: {file.name}") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise DamagedError(f"{file.name}: {_told(error)}") from None


def checked(content: object, schema: type[K], name: str) -> K:
    """Return what a file of another form than JSON held.

    Raises:
        DamagedError: if it held something else.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise DamagedError(f"{name}: {_told(error)}") from None


def set_aside(path: Path, why: DamagedError) -> None:
    """Move a file or a folder that is damaged away from its place, and warn of it; whoever was faster is as good.

    Raises:
        DataError: if it cannot be moved, with what to do.
    """
    if path.parent.exists() and not path.parent.is_dir():
        raise DataError(f"{path.parent}: a file stands where a folder belongs: move it away")
    place, number = path.parent / FOLDER / path.name, 1
    while True:
        try:
            place.parent.mkdir(exist_ok=True)
            if place.exists():
                raise FileExistsError(errno.EEXIST, "File exists")
            path.rename(place)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not place.parent.is_dir():
                told = f"{path}: damaged ({why}), and it cannot be set aside ({error.strerror}): move it away"
                raise DataError(told) from None
            number += 1
            place = place.with_name(f"{path.name}-{number}")
        else:
            break
    warnings.warn(f"{path}: damaged ({why}): set aside as {place}, to be made again", SetAsideWarning, stacklevel=2)


def _told(error: ValidationError) -> str:
    """Say in one line what is wrong first."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(step) for step in first["loc"])[:80]
    return first_line(f"{where}: {first['msg']}" if where else first["msg"])
