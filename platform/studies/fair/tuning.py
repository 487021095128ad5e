"""The searches of a suite carried out, and what is chosen of them; the folder says at any moment how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgprism.platform.configuration import Overrides
from kgprism.platform.studies.fair.choosing import Candidate, Choice, choose
from kgprism.platform.studies.fair.rows import Search
from kgprism.platform.studies.reports.fair.kept import KeptRow, basis, cells_kept, load, save
from kgprism.platform.studies.search.request import Request
from kgprism.platform.studies.search.sampling.attributes import RUN
from kgprism.platform.studies.search.searcher import Listener, TrialNews
from kgprism.platform.studies.search.spaces.comparison import goal_of
from kgprism.platform.studies.search.study import evaluated, studies_of
from kgprism.platform.studies.search.sweep import Sweep, found_already, search
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.manifest import SuiteManifest
from kgprism.platform.studies.suites.suite import Suite

#: States of a trial that has come to its end.
_ENDED = ("complete", "pruned", "failed")


@dataclass
class Tuning:
    """The searches of a suite's rows; ``begun`` writes what is asked, every other call what has been found since."""

    suite: Suite
    searches: Sequence[Search]
    store: Store
    folder: Path
    manifest: SuiteManifest
    rows: dict[Any, KeptRow] = field(default_factory=dict)

    @classmethod
    def begun(
        cls, suite: Suite, searches: Sequence[Search], store: Store, folder: Path, manifest: SuiteManifest
    ) -> "Tuning":
        """Write what is asked, beside what is known of the same already."""
        made = cls(suite, searches, store, folder, manifest)
        earlier = load(folder)
        known = {row.study: row for row in earlier.rows} if earlier and earlier.basis == made._basis else {}
        for one in searches:
            row, before = made._asked(one), known.get(one.wanted.name) if one.wanted else None
            if before and before.trials == row.trials:
                found = before.model_dump(include={"values", "chosen", "tied"})
                row = row.model_copy(update=found | {"cells": before.cells})
            made.rows[one.place] = row
        made._save()
        return made

    def left(self) -> list[Search]:
        """Choose for every row whose search is through or has nothing to tune, and return the others."""
        more = []
        for one in self.searches:
            sweep = found_already(one.wanted, self.store) if one.wanted else None
            if one.wanted and sweep is None:
                more.append(one)
            else:
                self._choose(one, sweep)
        return more

    def carry_out(self, one: Search, listener: Listener | None = None, **options: Any) -> Sweep:
        """Carry one search out to its end, inside a Ray session, and choose; `options` are those of a search."""
        assert one.wanted is not None

        def hear(news: TrialNews) -> None:
            if news.state in _ENDED:
                self._note(one)
            if listener:
                listener(news)

        sweep = search(one.wanted, self.store, listener=hear, **options)
        self._choose(one, sweep)
        return sweep

    def cells(self) -> list[Cell]:
        """Return the cells of what was chosen, seed by seed; frozen ones are among them where nothing was better."""
        found = [
            cell
            for one in self.searches
            for cell in one.cells_with(self.rows[one.place].chosen or {})
            if self._chosen(one)
        ]
        order = list(dict.fromkeys(cell.seed for one in self.searches for cell in one.cells))
        return sorted(found, key=lambda cell: order.index(cell.seed))

    def _chosen(self, one: Search) -> bool:
        return self.rows[one.place].chosen is not None

    def _asked(self, one: Search) -> KeptRow:
        row, dataset, ratio = one.place
        return KeptRow(
            variant=row,
            dataset=dataset,
            seed_ratio=ratio,
            seed=one.frozen.seed,
            keys=one.keys,
            left=dict(one.left),
            study=one.wanted.name if one.wanted else "",
            metric=goal_of(one.frozen.configuration).metric,
            trials=one.wanted.trials if one.wanted else 0,
        )

    def _choose(self, one: Search, sweep: Sweep | None) -> None:
        """Take the best on held-out data of the row as it is and its trials; a row without any stays as it is."""
        lowest = goal_of(one.frozen.configuration).mode == "min"
        choice = choose(self._candidates(one, sweep), lowest=lowest)
        if choice is None and one.wanted is None:
            choice = Choice({})
        values = self._values(one.wanted) if one.wanted else ()
        update: dict[str, Any] = {"values": values, "frozen": self._reached(one), "chosen": None, "tied": 1}
        if choice is not None:
            update |= {"chosen": dict(choice.settings), "tied": choice.tied}
            update["cells"] = cells_kept(one.cells_with(choice.settings))
        self.rows[one.place] = self.rows[one.place].model_copy(update=update)
        self._save()

    def _candidates(self, one: Search, sweep: Sweep | None) -> list[Candidate]:
        """Return the row as it is, if it is finished, then the trials of a search that is through, in their order."""
        metric = self.rows[one.place].metric
        runs: list[tuple[str, Overrides, float | None]] = [(one.frozen.id, {}, self._reached(one))]
        for study in studies_of(one.wanted.storage, one.wanted.name) if one.wanted and sweep else ():
            ended = [trial for trial in evaluated(study) if trial.state.name == "COMPLETE"]
            runs += [(str(trial.user_attrs[RUN]), dict(trial.params), trial.value) for trial in ended]
        return [Candidate(run, told, value, self._mrr(run, metric)) for run, told, value in runs if value is not None]

    def _mrr(self, run: str, metric: str) -> float | None:
        record = self.store.read(run)
        return record.metric("valid", f"{metric.rpartition('/')[0]}/mrr") if record else None

    def _note(self, one: Search) -> None:
        """Write how far a search is."""
        assert one.wanted is not None
        update = {"values": self._values(one.wanted), "frozen": self._reached(one)}
        self.rows[one.place] = self.rows[one.place].model_copy(update=update)
        self._save()

    def _values(self, wanted: Request) -> tuple[float | None, ...]:
        return values_of(wanted, by_chance=self.suite.tuning.by_chance)

    def _reached(self, one: Search) -> float | None:
        """Return what the row as it is reaches on held-out data."""
        record = self.store.read(one.frozen.id)
        return record.metric("valid", self.rows[one.place].metric) if record else None

    @property
    def _basis(self) -> str:
        return basis(self.manifest, self.suite.tuning)

    def _save(self) -> None:
        save(self.folder, self._basis, self.rows.values())


def values_of(wanted: Request, *, by_chance: bool) -> tuple[float | None, ...]:
    """Return what the trials that count have reached, none for one that failed.

    In their order; where chance drew them that means nothing, nor is it the same when some ran beside each other.
    """
    for study in studies_of(wanted.storage, wanted.name):
        values = [trial.value if trial.state.name == "COMPLETE" else None for trial in evaluated(study)]
        return tuple(sorted(values, key=lambda value: (value is None, value or 0.0)) if by_chance else values)
    return ()
