"""Several parameters at once: the two that matter most as a map, and all of them beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgprism.platform.studies.reports.page.lines import Mark
from kgprism.platform.studies.reports.page.scale import short
from kgprism.platform.studies.search.after.axes import Along
from kgprism.platform.studies.search.after.findings import Findings, Seen
from kgprism.platform.studies.search.after.lines import told

#: A map's size and its frame, in pixels; into how many fields it is cut each way.
WIDTH, HEIGHT = 460, 360
LEFT, RIGHT, TOP, BOTTOM = 64, WIDTH - 12, 10, HEIGHT - 40
FIELDS = 24
#: Trials that a map needs.
LEAST = 5
#: The share of trials that are drawn like the worst of the others.
_WORSE = 0.1
#: Of the axes beside each other: room for each, height, and how many there are at most.
APART, TALL, MOST = 120, 260, 9
_FLOOR, _CEILING, _ABSENT = TALL - 46, 30, TALL - 26


@dataclass(frozen=True)
class Field:
    """A rectangle of a map; ``share`` of the way from the worst to the best."""

    x: float
    y: float
    share: float


@dataclass(frozen=True)
class Map:
    """The first objective over two parameters, and every trial that has both."""

    across: str
    upwards: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    fields: tuple[Field, ...]
    size: tuple[float, float]
    marks: tuple[Mark, ...]
    worst: str
    best: str


def contour(found: Findings, order: Sequence[str]) -> Map | None:
    """Draw the two first parameters that at least `LEAST` trials have together; between trials it is guessed.

    A field's value is the mean of the trials, those near it counting more: by the fourth power of the distance.
    """
    pairs = [(one, other) for n, one in enumerate(order) for other in order[n + 1 :]]
    for names in sorted(pairs, key=lambda pair: order.index(pair[0]) + order.index(pair[1])):
        some = [trial for trial in found.complete if all(name in trial.parameters for name in names)]
        across, upwards = (Along(name, found.distributions[name]) for name in names)
        points = [[axis(trial.parameters[axis.name]) for axis in (across, upwards)] for trial in some]
        if len(some) >= LEAST and all(len(set(places)) > 1 for places in zip(*points, strict=True)):
            return _map(found, across, upwards, some, np.array(points))
    return None


def _map(found: Findings, across: Along, upwards: Along, trials: Sequence[Seen], points: np.ndarray) -> Map:
    values = np.array([trial.values[0] for trial in trials])
    # One trial that went wrong would leave all others alike.
    worst, best = (np.quantile(values, end) for end in ((_WORSE, 1) if found.maximised[0] else (1 - _WORSE, 0)))
    middle = (np.arange(FIELDS) + 0.5) / FIELDS
    grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 1, 2)
    weights = 1 / (((grid - points) ** 2).sum(-1) ** 2 + 1e-9)
    shares = ((weights * values).sum(-1) / weights.sum(-1) - worst) / ((best - worst) or 1.0)
    width, height = (RIGHT - LEFT) / FIELDS, (BOTTOM - TOP) / FIELDS
    places = [(LEFT + n % FIELDS * width, BOTTOM - (n // FIELDS + 1) * height) for n in range(FIELDS**2)]
    held = zip(places, shares.clip(0, 1).tolist(), strict=True)
    names = (across.name, upwards.name)
    return Map(
        across=across.name.removesuffix(".kind"),
        upwards=upwards.name.removesuffix(".kind"),
        x_ticks=tuple((_x(place), word) for place, word in across.ticks()),
        y_ticks=tuple((_y(place), word) for place, word in upwards.ticks()),
        fields=tuple(Field(round(x, 1), round(y, 1), round(share, 3)) for (x, y), share in held),
        size=(round(width + 0.5, 1), round(height + 0.5, 1)),  # a little over its neighbours: no seam is seen
        marks=tuple(
            Mark(_x(x), _y(y), told(found, one, *names)) for one, (x, y) in zip(trials, points.tolist(), strict=True)
        ),
        worst=f"{worst:.4g} or worse",
        best=f"{best:.4g}",
    )


@dataclass(frozen=True)
class Thread:
    """A trial from axis to axis; ``share`` of the way from the worst to the best."""

    path: str
    share: float
    told: str
    best: bool


@dataclass(frozen=True)
class Beside:
    """All axes beside each other, ``(place, name, ticks)`` each, and a thread a complete trial, the best last."""

    width: int
    axes: tuple[tuple[float, str, tuple[tuple[float, str], ...]], ...]
    threads: tuple[Thread, ...]
    absent: bool


def parallel(found: Findings, order: Sequence[str]) -> Beside | None:
    """Draw the parameters and the first objective beside each other; a trial without one passes below its axis."""
    if len(found.complete) < 2 or not order:
        return None
    names = list(order)[: MOST - 1]
    axes = [Along(name, found.distributions[name]) for name in names]
    values = [trial.values[0] for trial in found.complete]
    low, high = min(values), max(values)
    best = {trial.number for trial in found.best}
    threads = []
    for trial in found.complete:
        share, held = (trial.values[0] - low) / ((high - low) or 1.0), trial.parameters
        places = [_down(axis(held[axis.name])) if axis.name in held else _ABSENT for axis in axes]
        path = "M" + "L".join(f"{_place(n):g} {y:g}" for n, y in enumerate([*places, _down(share)]))
        good = share if found.maximised[0] else 1 - share
        about = told(found, trial, *(name for name in names if name in held))
        threads.append(Thread(path, round(good, 3), about, trial.number in best))
    drawn = [
        (_place(n), axis.name.removesuffix(".kind"), tuple((_down(place), word) for place, word in axis.ticks()))
        for n, axis in enumerate(axes)
    ]
    ends = tuple((_down(share), short(float(f"{number:.4g}"))) for share, number in ((0, low), (1, high)))
    drawn.append((_place(len(axes)), found.objectives[0], ends))
    absent = any(name not in trial.parameters for trial in found.complete for name in names)
    threads.sort(key=lambda thread: (thread.best, thread.share))
    return Beside(round(_place(len(axes)) + APART * 0.75), tuple(drawn), tuple(threads), absent)


def _x(share: float) -> float:
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _y(share: float) -> float:
    return round(BOTTOM - share * (BOTTOM - TOP), 1)


def _place(axis: int) -> float:
    return APART * (axis + 0.5)


def _down(share: float) -> float:
    return round(_FLOOR - share * (_FLOOR - _CEILING), 1)
