"""Drawings of a search in frames like those of a suite's page: its course, slices, what each trial told, the front."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kgprism.platform.studies.reports.page.lines import BOTTOM, LEFT, RIGHT, TOP, Drawing, Line, Mark, over_epochs
from kgprism.platform.studies.reports.page.scale import Scale, short, spanned, ticks
from kgprism.platform.studies.search.after.axes import Along
from kgprism.platform.studies.search.after.findings import Findings, Seen

#: The colours of what is best, of every trial, and of what did not run to its end.
BEST, EACH, CUT = 0, 1, 9
#: Trials whose curves are drawn, the best first.
MOST_CURVES = 40
#: From here on a number has no decimals.
_LARGE = 1e4


def history(found: Findings) -> list[Drawing]:
    """Draw each objective over the trials: every complete one, and a step wherever one was better than all before."""
    drawn = []
    for n, objective in enumerate(found.objectives):
        some = sorted(found.complete, key=lambda one: one.number)
        cut = _cut(found)
        if not some:
            continue
        along = spanned((trial.number for trial in found.trials), LEFT, RIGHT, 0.02)
        up = spanned([*(trial.values[n] for trial in some), *(value for _, value in cut)], BOTTOM, TOP)
        end = max(trial.number for trial in found.trials)
        path = _best_so_far([(along(one.number), one.values[n]) for one in some], up, found.maximised[n], along(end))
        marks = tuple(Mark(along(trial.number), up(trial.values[n]), told(found, trial)) for trial in some)
        early = tuple(Mark(along(one.number), up(value), _early(one, value), hollow=True) for one, value in cut)
        lines = [Line("every complete trial", EACH, "", marks=marks), Line("best so far", BEST, path)]
        lines += [Line("stopped early, at its best", CUT, "", marks=early)] if early else []
        x_ticks = [(along(x), short(x)) for x in ticks(along, 5) if x >= 0 and x == int(x)]
        drawn.append(_framed(objective, "trial", x_ticks, up, lines))
    return drawn


def _cut(found: Findings) -> list[tuple[Seen, float]]:
    """Return the trials that were stopped early, with the best that each had told."""
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    return [(trial, value) for trial in pruned if (value := found.reached(trial)) is not None]


def _early(trial: Seen, value: float) -> str:
    return f"trial {trial.number}: stopped at epoch {max(trial.curve)}, {value:.4g} at its best"


def _best_so_far(trials: Sequence[tuple[float, float]], up: Scale, maximised: bool, end: float) -> str:
    """Return the path of the best value so far, over places and values."""
    path, best = "", None
    for x, value in trials:
        if best is None:
            path, best = f"M{x:g} {up(value):g}", value
        elif value > best if maximised else value < best:
            path, best = f"{path}H{x:g}V{up(value):g}", value
    return f"{path}H{end:g}"


def curves(found: Findings) -> Drawing | None:
    """Draw what the trials told epoch by epoch; those that were stopped early end early."""
    told_of = [trial for trial in found.ordered if len(trial.curve) > 1][:MOST_CURVES]
    if not told_of or len(found.objectives) > 1:
        return None
    lines = [
        (f"trial {one.number} ({one.state})", list(map(float, one.curve)), list(one.curve.values())) for one in told_of
    ]
    return over_epochs(found.objectives[0], lines)


def slices(found: Findings, order: Sequence[str]) -> list[Drawing]:
    """Draw the first objective over each parameter, in this order; every trial that has it is a point."""
    drawn = []
    for name in order:
        axis = Along(name, found.distributions[name])
        some = [trial for trial in found.complete if name in trial.parameters]
        if not some:
            continue
        up = spanned((trial.values[0] for trial in some), BOTTOM, TOP)
        best = {trial.number for trial in found.best}
        groups: Mapping[bool, list[Mark]] = {False: [], True: []}
        for trial in some:
            x = _across(axis(trial.parameters[name]))
            groups[trial.number in best].append(Mark(x, up(trial.values[0]), told(found, trial, name)))
        lines = [
            Line("every trial", EACH, "", marks=tuple(groups[False])),
            Line("best", BEST, "", marks=tuple(groups[True])),
        ]
        drawn.append(_framed(name.removesuffix(".kind"), "", [(_across(x), w) for x, w in axis.ticks()], up, lines))
    return drawn


def front(found: Findings) -> list[Drawing]:
    """Draw two objectives each over each other: what no trial beats in all is filled and joined."""
    several = len(found.objectives)
    if several < 2 or not found.complete:
        return []
    return [_over(found, n, m) for n in range(several) for m in range(n + 1, several)]


def _over(found: Findings, n: int, m: int) -> Drawing:
    along = spanned((trial.values[m] for trial in found.complete), LEFT, RIGHT)
    up = spanned((trial.values[n] for trial in found.complete), BOTTOM, TOP)
    best = {trial.number for trial in found.best}
    marks: Mapping[bool, list[Mark]] = {False: [], True: []}
    for one in found.complete:
        mine = one.number in best
        marks[mine].append(Mark(along(one.values[m]), up(one.values[n]), told(found, one), hollow=not mine))
    ahead = sorted(marks[True], key=lambda mark: mark.x)
    path = "M" + "L".join(f"{mark.x:g} {mark.y:g}" for mark in ahead) if len(found.objectives) == 2 else ""
    lines = [
        Line("another is as good in all and better in one", CUT, "", marks=tuple(marks[False])),
        Line("Pareto front: no other is as good in all and better in one", BEST, path, marks=tuple(ahead)),
    ]
    x_ticks = [(along(x), short(x)) for x in ticks(along)]
    return _framed(found.objectives[n], found.objectives[m], x_ticks, up, lines)


def told(found: Findings, trial: Seen, *names: str) -> str:
    """Return what is said of a trial where one points at it."""
    numbers = ", ".join(f"{name} {written(value)}" for name, value in zip(found.objectives, trial.values, strict=True))
    some = "".join(f" · {name} {written(trial.parameters[name])}" for name in names)
    return f"trial {trial.number}: {numbers}{some}"


def written(value: Any) -> str:
    """Return a parameter's value in few letters."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.4g}"


def _across(share: float) -> float:
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _framed(title: str, across: str, x_ticks: Sequence[tuple[float, str]], up: Scale, lines: Sequence[Line]) -> Drawing:
    y_ticks = tuple((up(y), short(y)) for y in ticks(up))
    return Drawing(title, across, tuple(_apart(x_ticks)), y_ticks, tuple(lines))


def _apart(found: Sequence[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """Leave the words out that would be written over those before."""
    last = float("-inf")
    for place, word in found:
        half = 3 * len(word) + 2
        yield place, word if place - half > last else ""
        last = place + half if place - half > last else last
