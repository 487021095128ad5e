"""The cells of a suite as planned runs, what is left of them to do, and the memory of what was asked for."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError, DataError, nearest
from kgprism.platform.studies.grid import SEED_RATIO
from kgprism.platform.studies.store import Store
from kgprism.platform.studies.suite import Suite, Variant
from kgprism.platform.training.run import Run, plan, source_digest


@dataclass(frozen=True)
class Cell:
    """One variant on one dataset at one seed ratio with one seed; several cells may share a run."""

    variant: str
    dataset: str
    seed_ratio: float | None
    seed: int
    run: Run

    @property
    def place(self) -> tuple[str, str, float | None, int]:
        """Where the cell stands in its suite."""
        return self.variant, self.dataset, self.seed_ratio, self.seed


@dataclass(frozen=True)
class Forecast:
    """What carrying out some cells would take; ``seconds`` of one run after the other, none if nothing is known."""

    cells: int
    runs: int
    finished: int
    remaining: int
    seconds: float | None


def expand(
    suite: Suite,
    datasets: Mapping[str, Dataset],
    *,
    variants: Iterable[str] | None = None,
    seeds: int | None = None,
    overrides: Overrides | None = None,
    preset: str | None = None,
) -> list[Cell]:
    """Return the cells of a suite on these datasets, seed by seed, so that an early table has every row.

    Args:
        variants: ids to keep; all by default.
        seeds: how many seeds; as many as the suite says by default.
        overrides: change every cell, but never what makes a variant one.
        preset: instead of the suite's own.

    Raises:
        ConfigurationError: an unknown variant or key, or a value out of range.
    """
    extra = dict(overrides or {})
    rows = _chosen(suite, variants)
    if SEED_RATIO in extra and suite.grid.seed_ratio:
        raise ConfigurationError(f"--set: {SEED_RATIO} is an axis of the suite {suite.suite}, it cannot be set")
    places, some = suite.grid.places(datasets), next(iter(datasets.values()), None)
    if some is not None:  # unknown keys are the command line's, not the suite's: found here, before its layers mix in
        plan(suite.method, some, 0, suite.base, preset=preset or suite.preset, source=f"suite {suite.suite}: base")
        for method in dict.fromkeys(suite.composed(row)[0] for row in rows):
            plan(method, some, 0, extra)
    return [
        Cell(row.id, dataset, ratio, seed, plan(method, datasets[dataset], seed, *layers, preset=chosen))
        for seed in suite.grid.seed.take(seeds)
        for dataset, ratio in places
        for row in rows
        for layers in [suite.layers(row, dataset, ratio, extra)]
        for method, chosen in [suite.composed(row, preset)]
    ]


def _chosen(suite: Suite, variants: Iterable[str] | None) -> list[Variant]:
    known = {variant.id: variant for variant in suite.variants}
    wanted = list(known if variants is None else variants)
    for word in wanted:
        if word not in known:
            raise ConfigurationError(f"suite {suite.suite} has no variant '{word}'{nearest(word, known)}")
    return [variant for id_, variant in known.items() if id_ in wanted]


def forecast(cells: Iterable[Cell], store: Store) -> Forecast:
    """Count the runs that are left, and estimate their time from stored runs of the same method and dataset."""
    cells = list(cells)
    runs = {cell.run.id: cell.run for cell in cells}
    left = [run for run_id, run in runs.items() if not store.has(run_id)]
    paces: dict[tuple[str, str], list[float]] = {}
    for record in store if left else ():
        epochs = max(1, record.selections["last"]["epoch"]) if "last" in record.selections else 1
        paces.setdefault((record.method, record.dataset), []).append(record.seconds / epochs)
    known = all((run.method, run.dataset) in paces for run in left)
    seconds = (
        sum(median(paces[run.method, run.dataset]) * run.configuration["train.epochs"] for run in left)
        if known
        else None
    )
    return Forecast(len(cells), len(runs), len(runs) - len(left), len(left), seconds)


@dataclass(frozen=True)
class Study:
    """What was last asked of a suite: its cells and the commands; ``basis`` digests what all of the cells share.

    ``code`` digests the code of that time: its runs stay in the table when the code has moved on.
    """

    cells: list[Cell]
    basis: str
    code: str
    commands: tuple[str, ...] = ()


def code_of(suite: Suite) -> str:
    """Digest the code of all methods of a suite."""
    return configuration.digest([source_digest(method) for method in suite.methods])


def keep(
    folder: Path,
    suite: Suite,
    cells: Iterable[Cell],
    *,
    overrides: Overrides | None = None,
    preset: str | None = None,
    command: str = "",
) -> Study:
    """Remember in ``<folder>/study.json`` what is asked, so that a report can be made at any time.

    Cells of earlier calls stay, so that a table grows; where the suite, the overrides or the code differ they go,
    because one table must not mix two settings.
    """
    rows = {variant.id: [*suite.composed(variant, preset), variant.override] for variant in suite.variants}
    constants = [constant.model_dump(mode="json") for constant in suite.grid.set]
    extra = dict(overrides or {})
    basis = configuration.digest(suite.base, constants, rows, extra)
    earlier, code = kept(folder), code_of(suite)
    same = earlier is not None and (earlier.basis, earlier.code) == (basis, code)
    before = earlier if earlier and same else Study([], basis, code)
    merged = {cell.place: cell for cell in [*before.cells, *cells]}
    commands = dict.fromkeys([*before.commands, command] if command else before.commands)
    study = Study(list(merged.values()), basis, code, tuple(commands))
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".study.{uuid4().hex[:8]}"
    plain = asdict(study)
    for cell, written in zip(study.cells, plain["cells"], strict=True):
        written["id"] = cell.run.id
    scratch.write_text(json.dumps(plain, indent=1))
    scratch.rename(folder / "study.json")
    return study


def kept(folder: Path) -> Study | None:
    """Return the study that a folder remembers, or none.

    Raises:
        DataError: if its file was damaged from outside.
    """
    file = folder / "study.json"
    try:
        plain = json.loads(file.read_text())
        cells = [_cell(**cell) for cell in plain["cells"]]
        return Study(cells, plain["basis"], plain["code"], tuple(plain["commands"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file}: not a study ({error}); delete it, finished runs are kept elsewhere") from None


def _cell(*, run: Mapping[str, Any], id: str, **place: Any) -> Cell:
    """Return a cell whose run has the identity that it had when it was asked for, whatever the code is now."""
    asked = Run(**{**run, "notes": tuple(run["notes"])})
    vars(asked)["id"] = id
    return Cell(run=asked, **place)
