"""Which of the field's file layouts a folder is in, told by the files that are there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kgprism.platform.data.graph import Dataset
from kgprism.platform.data.readers import dbp15k, feature_files, libraries, mmkb, openea, openke, plain, pyg
from kgprism.platform.errors import DataError

Sources = Mapping[str, Path]


@dataclass(frozen=True)
class Layout:
    """One layout: the files that tell it (glob patterns), which files it takes, and how they become a dataset."""

    name: str
    marks: tuple[str, ...]
    sources: Callable[[Path], Sources]
    build: Callable[[str, Sources], Dataset]

    def files(self, folder: Path) -> list[Path]:
        """Return exactly the files that `read` reads; a few may lie beside the folder, as published."""
        return list(self.sources(folder).values())

    def passed_over(self, folder: Path) -> list[str]:
        """Return a line for each file of a folder that looks like features and is not read."""
        return feature_files.passed_over(folder, self.files(folder))

    def read(self, name: str, folder: Path) -> Dataset:
        """Return the dataset in a folder of this layout."""
        return self.build(name, self.sources(folder))

    def lacks(self, folder: Path) -> list[str]:
        """Return the marks that the folder does not have."""
        return [mark for mark in self.marks if not any(folder.glob(mark)) and not any(folder.glob(f"{mark}.gz"))]


LAYOUTS = (
    Layout("plain", plain.MARKS, plain.sources, plain.build),
    Layout("dbp15k", dbp15k.MARKS, dbp15k.sources, dbp15k.build),
    Layout("openea", openea.MARKS, openea.sources, openea.build),
    Layout("mmkb", mmkb.MARKS, mmkb.sources, mmkb.build),
    Layout("plain-completion", plain.COMPLETION_MARKS, plain.completion_sources, plain.completion_build),
    Layout("openke", openke.MARKS, openke.sources, openke.build),
    Layout("libkge", libraries.LIBKGE_MARKS, libraries.libkge_sources, plain.completion_build),
    Layout("pykeen", libraries.PYKEEN_MARKS, libraries.pykeen_sources, libraries.pykeen_build),
    Layout("pyg-dbp15k", pyg.DBP15K_RAW_MARKS, pyg.dbp15k_raw_sources, pyg.dbp15k_build),
    Layout("pyg-dbp15k-pair", pyg.DBP15K_MARKS, pyg.dbp15k_sources, pyg.dbp15k_build),
    Layout("pyg-triples", pyg.RAW_MARKS, pyg.raw_sources, pyg.build),
    Layout("triples", pyg.MARKS, pyg.sources, pyg.build),
    Layout("parquet", libraries.PARQUET_MARKS, libraries.parquet_sources, libraries.parquet_build),
)


def recognise(folder: Path) -> Layout:
    """Return the layout of a folder.

    Raises:
        DataError: naming the file that is missing, or all that was looked for if nothing fits at all.
    """
    lacking = {layout: layout.lacks(folder) for layout in LAYOUTS}
    nearest = min(LAYOUTS, key=lambda layout: len(lacking[layout]) / len(layout.marks))
    if not lacking[nearest]:
        return nearest
    if len(lacking[nearest]) < len(nearest.marks):
        raise DataError(f"{folder}: looks like the layout '{nearest.name}' but has no {', '.join(lacking[nearest])}")
    looked = "; ".join(f"{layout.name}: {', '.join(layout.marks)}" for layout in LAYOUTS)
    raise DataError(f"{folder}: no known layout; looked for {looked}")


def read(name: str, folder: Path) -> Dataset:
    """Return the dataset in a folder, whatever its layout.

    Raises:
        DataError: unknown layout, or a malformed file: which one, which line, what was expected and what was found.
    """
    return recognise(folder).read(name, folder)
