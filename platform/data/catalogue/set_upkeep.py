"""What becomes of feature sets when their dataset is replaced, and how one is removed."""

import shutil
from pathlib import Path

from kgprism.platform.data.catalogue import feature_sets
from kgprism.platform.data.catalogue.naming import HOLDOUT
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import DataError, nearest


def carry_over(dataset: Dataset, folder: Path) -> tuple[str, ...]:
    """Copy the sets that stand under a dataset's name and fit its entities into a new folder, before it is put there.

    Returns a line for each set that does not fit, or cannot be read: it goes with the data that it was made of.
    """
    sets, problems = feature_sets.surveyed(dataset.name)
    gone = [f"a feature set goes with the old data: {line}" for line in problems]
    for one in sets:
        try:
            feature_sets.check_labels(dataset, one)
        except DataError:
            told = f"the {one.modality} features '{one.name}' were made of other entities and go with the old data"
            gone.append(f"{told}: kgprism data features {dataset.name} makes them again")
            continue
        for file in one.files.values():
            (folder / file.parent.name).mkdir(exist_ok=True)
            shutil.copyfile(file, folder / file.parent.name / file.name)
    return tuple(gone)


def files_of(word: str) -> list[Path]:
    """Return the files of a set told as ``NAME:MODALITY.SET``, be they damaged or not.

    Raises:
        DataError: if there is no such set, with the nearest.
    """
    name, _, called = word.partition(":")
    here = {f"{modality}.{set_name}": files for (modality, set_name), files in feature_sets.grouped(name).items()}
    if called not in here:
        near = nearest(called, here) or (": it has none" if not here else "")
        raise DataError(f"{name.removesuffix(HOLDOUT)} has no feature set '{called}'{near}")
    return list(here[called].values())


def remove(word: str) -> list[Path]:
    """Remove a set, and return its files, which are gone; runs that read it stay.

    Raises:
        DataError: as `files_of`, or if the operating system refuses.
    """
    files = files_of(word)
    try:
        for file in files:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror or error}") from None
    return files
