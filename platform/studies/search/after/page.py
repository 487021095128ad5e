"""The page of a search: what was asked, the best, what mattered, every trial, in one file that needs nothing else."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from kgprism.platform.studies.reports.page import lines as frame
from kgprism.platform.studies.reports.page.templates import template
from kgprism.platform.studies.reports.words import MISSING
from kgprism.platform.studies.search.after import maps
from kgprism.platform.studies.search.after.findings import Findings, Seen
from kgprism.platform.studies.search.after.importance import Importances, importances
from kgprism.platform.studies.search.after.lines import curves, front, history, slices, written
from kgprism.platform.studies.search.after.maps import contour, parallel
from kgprism.platform.studies.search.after.repeats import Repeated, verdict
from kgprism.platform.studies.search.running.account import spent_on
from kgprism.platform.studies.search.spaces.budget import budget as budget_of
from kgprism.platform.studies.store.duration import duration

#: Of an asked space, what the page tells elsewhere or in its own words.
_ELSEWHERE = {"schema", "space", "method", "preset", "params", "start", "objective", "objectives", "search"}
#: ... and of how it proposes: the command line may have asked for others.
_OTHERWISE = {"trials", "budget", "repeats"}
#: Parameters that slices are drawn of.
_SLICES = 12


@dataclass(frozen=True)
class Tuned:
    """A parameter: its range, where it exists, and its importances, none where they are not told."""

    name: str
    range: str
    exists: str
    fanova: float | None
    ped_anova: float | None


def page(found: Findings, config: Path | None = None, repeats: Sequence[Repeated] = ()) -> str:
    """Return the page of a search as far as it is; `config` is the best trial's file for `kgprism train --config`.

    With `repeats` the best trial is that of the best mean over seeds.
    """
    steady = {one.trial for one in repeats[:1] if one.mean is not None}
    best = tuple(trial for trial in found.complete if trial.number in steady) or found.best
    told = importances(found)
    order = (*told.order, *(key for key in found.distributions if key not in told.order))
    counts = Counter(trial.state for trial in found.trials)
    spent = sum(trial.seconds or 0 for trial in found.trials)
    return _template().render(
        found=found,
        asked=list(_asked(found, repeats)),
        counts=", ".join(f"{number} {word}" for word, number in sorted(counts.items())) or "none yet",
        spent=duration(spent) if spent else "",
        best=best,
        commands={trial.number: _commands(found, trial, config) for trial in best},
        repeats=repeats,
        seeds=sorted({seed for one in repeats for seed in one.values}),
        verdict=verdict(repeats),
        tuned=list(_tuned(found, told, order)),
        notes=told.notes,
        history=history(found),
        curves=curves(found),
        slices=slices(found, order[:_SLICES]),
        front=front(found),
        contour=contour(found, order),
        parallel=parallel(found, order),
        columns=order,
        frame=frame,
        maps=maps,
    )


def _commands(found: Findings, trial: Seen, config: Path | None) -> list[str]:
    """Return the lines that make a trial's run again."""
    if config and len(found.objectives) == 1:
        return [shlex.join(["kgprism", "train", "--config", str(config)])]
    if not trial.run:
        return []
    return [f"kgprism runs show {shlex.quote(trial.run)} --config > best.yaml", "kgprism train --config best.yaml"]


def _asked(found: Findings, repeats: Sequence[Repeated]) -> Iterator[tuple[str, str]]:
    """Yield what was asked for, key by key; a study that does not say has its name alone."""
    yield "study", found.name
    if asked := found.asked:
        yield "space", str(asked.space.get("space", ""))
        yield "method", f"{asked.method}, preset {asked.preset}" if asked.preset else asked.method
        yield "dataset", asked.dataset
        yield "seed", str(asked.seed)
        if asked.settings:
            yield "settings", _said(asked.settings)
    ways = zip(found.objectives, found.maximised, strict=True)
    yield "objective", ", ".join(f"{name} ({'largest' if most else 'smallest'})" for name, most in ways)
    if asked:
        yield "trials asked for", str(asked.trials)
        if asked.budget:
            yield "budget", _budget(found, asked.budget)
        if repeats:
            several = f"the {len(repeats)} best trials" if len(repeats) > 1 else "the best trial"
            yield "repeats", f"{several} with {repeats[0].wanted} seeds"
        search: Any = asked.space.get("search") or {}
        if isinstance(search, Mapping):
            yield from ((f"search {key}", _said(value)) for key, value in search.items() if key not in _OTHERWISE)
        for key, value in asked.space.items():
            if key not in _ELSEWHERE and value:
                yield key.replace("_", " "), _said(value, "; " if key in ("requires", "warm_start") else " or ")


def _budget(found: Findings, text: str) -> str:
    """Return a budget and what is spent of it, as far as the study tells."""
    try:
        budget = budget_of(text)
    except ValueError:  # another program's
        return text
    if not budget or not found.study:
        return text
    kind = {"cpu_seconds": " of processors", "gpu_seconds": " of GPUs"}.get(budget.of, "")
    return f"{text}; spent: {duration(getattr(spent_on(found.study), budget.of))}{kind}"


def _tuned(found: Findings, told: Importances, order: tuple[str, ...]) -> Iterator[Tuned]:
    held: Any = found.asked.space.get("params", {}) if found.asked else {}
    for name in (*order, *(key for key in held if key not in order)):
        one = held.get(name) or {}
        yield Tuned(
            name,
            _range(one) if one else "",
            _said(one.get("when") or {}),
            told.fanova.get(name),
            told.ped_anova.get(name),
        )


def _range(one: Mapping[str, Any]) -> str:
    if one.get("type") == "choice":
        return ", ".join(map(str, one.get("of", ())))
    step = f", step {one['step']}" if one.get("step") not in (None, 1) else ""
    return f"{_number(one.get('low'))} to {_number(one.get('high'))}{step}{', log' if one.get('log') else ''}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _said(value: Any, between: str = " or ") -> str:
    """Return what was written in YAML in a line: of a mapping first its kind, the rest in parentheses."""
    if isinstance(value, Mapping):
        told = {key: _said(inner) for key, inner in value.items() if inner is not None}
        kind = told.pop("kind", "")
        rest = ", ".join(f"{key}: {word}" for key, word in told.items())
        return f"{kind} ({rest})" if kind and rest else kind or rest
    if isinstance(value, list | tuple):
        return between.join(_said(inner) for inner in value)
    return str(value).lower() if isinstance(value, bool) else _number(value)


@cache
def _template() -> Template:
    return template(
        "kgprism.platform.studies.search.after",
        "search.html.jinja",
        MISSING=MISSING,
        written=written,
        duration=duration,
    )
