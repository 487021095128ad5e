"""What is shown of searches: one's trials and its best, or all there are."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgprism.platform.cli.screen import say, show_json, show_table, tell
from kgprism.platform.errors import first_line

if TYPE_CHECKING:
    import pandas as pd

    from kgprism.platform.studies.search.after.repeats import Repeated
    from kgprism.platform.studies.search.sweep import Sweep

#: Trials that are shown.
_SHOWN = 10
#: Costs that are whole numbers, though a study keeps floats.
_COUNTED = {"parameters", "peak_bytes"}


def show_sweep(sweep: "Sweep", json: bool, config: Path | None = None) -> None:
    """Print the best trials with their parameters, and what carries the best one out again, the file `config` too."""
    if json:
        show_json(_plain(sweep) | {"config": config and str(config)})
        return
    frame = sweep.trials
    if "user_attrs_repeats" in frame:
        frame = frame[frame["user_attrs_repeats"].isna()]
    # What a kill interrupted was tried again, and has no reason of its own.
    told = frame["user_attrs_reason"].notna() if "user_attrs_reason" in frame else False
    frame = frame[(frame["state"] != "FAIL") | told]
    shown = frame if sweep.front is None else sweep.front
    beaten = "no other is as good in all and better in one" if sweep.front is not None else ""
    title = f"{len(shown)} of {len(frame)} trials: {beaten}" if beaten else f"Best of {len(frame)} trials"
    _show_trials(shown, (sweep.objective, *sweep.costs), title)
    if sweep.best is None and (frame["state"] == "COMPLETE").any():
        say("the best trial's run is in another home's store: `kgprism runs import DIR` brings its runs here")
    elif sweep.best is None:
        say("no trial was completed")
        for reason in dict.fromkeys(frame.get("user_attrs_reason", ())):
            tell(f"failed: {reason}")
    else:
        _show_repeats(sweep)
        say(f"best run {sweep.best.id}, {sweep.objective} {sweep.best.metric('valid', sweep.objective):.3f}:")
        say(sweep.command)
        if config:
            say(shlex.join(["kgprism", "train", "--config", str(config)]))
    if sweep.ended:
        say(f"{sweep.ended}, {len(frame)} in all")
    for error in sweep.errors:
        tell(first_line(error))
    say(f"optuna-dashboard {sweep.storage}   # study {sweep.study_name}")


def _show_trials(frame: "pd.DataFrame", objectives: tuple[str, ...], title: str) -> None:
    from kgprism.platform.settings import METRICS

    measure = next(known for word, known in METRICS.items() if objectives[0].endswith(f"/{word}"))
    ordered = frame.sort_values("value", ascending=measure.lowest, na_position="last").head(_SHOWN)
    trials = [(row, _parameters(row)) for row in ordered.to_dict("records")]
    alike = _alike([parameters for _, parameters in trials])
    rows = [
        (str(row["number"]), row["state"].lower(), *_numbers(row, objectives), text)
        for row, parameters in trials
        for text in [_written({key: value for key, value in parameters.items() if key not in alike})]
    ]
    # A cost may have that name.
    head = (*objectives, "parameters" if len(objectives) == 1 else "drawn")
    show_table(("trial", "state", *head), rows, title=title)
    if alike:
        say(f"in all of these: {_written(alike)}")


def _show_repeats(sweep: "Sweep") -> None:
    """Print what the best trials are worth over several seeds, beside their single one."""
    if not sweep.repeats:
        return
    from kgprism.platform.studies.search.after.repeats import verdict

    rows = [
        (str(one.trial), one.single, spread(one), f"{len(one.values)}/{one.wanted}" if one.mean is None else one.wanted)
        for one in sweep.repeats
    ]
    show_table(("trial", "its own seed", "mean ± std", "seeds"), rows, title=f"{sweep.objective} over seeds")
    if told := verdict(sweep.repeats):
        say(told)


def spread(one: "Repeated") -> str:
    """Return a mean with its deviation, or of those seeds that are there."""
    mean = one.mean if one.mean is not None else sum(one.values.values()) / len(one.values) if one.values else None
    return "" if mean is None else f"{mean:.3f}" + ("" if one.std is None else f" ± {one.std:.3f}")


def _numbers(row: Mapping[str, Any], objectives: tuple[str, ...]) -> list[float | int | None]:
    """Return a trial's value and costs, nothing for none; what is counted is a whole number."""
    found = [row["value"], *(_whole(row[key]) if key in _COUNTED else row[key] for key in objectives[1:])]
    return [None if value != value else value for value in found]


def _parameters(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a trial has drawn; the table of all trials has nothing where it has not."""
    named = {key.removeprefix("params_"): value for key, value in row.items() if key.startswith("params_")}
    return {key: _whole(value) for key, value in named.items() if value is not None and value == value}


def _whole(value: Any) -> Any:
    """Return a whole number as one: a column with gaps has made floats of them."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _alike(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the parameters that several trials all have, with the same value."""
    if len(trials) < 2:
        return {}
    return {key: value for key, value in trials[0].items() if all(one.get(key) == value for one in trials)}


def _written(parameters: Mapping[str, Any]) -> str:
    numbers = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in parameters.items()}
    return "  ".join(f"{key.removesuffix('.kind')}={value}" for key, value in numbers.items())


def _plain(sweep: "Sweep") -> dict[str, Any]:
    best = None if sweep.best is None else {"run": sweep.best.id, "selections": dict(sweep.best.selections)}
    plain: dict[str, Any] = {"study": sweep.study_name, "storage": sweep.storage, "objective": sweep.objective}
    plain |= {"best": best, "overrides": dict(sweep.overrides), "command": sweep.command}
    return plain | {
        "repeats": [asdict(one) | {"mean": one.mean, "std": one.std} for one in sweep.repeats],
        "trials": sweep.trials.to_dict("records"),
        "errors": list(sweep.errors),
        "exhausted": sweep.exhausted,
        "ended": sweep.ended,
        "objectives": [sweep.objective, *sweep.costs],
        "front": [] if sweep.front is None else sweep.front["number"].tolist(),
    }


def show_searches(storage: str | None, json: bool) -> None:
    """Print all searches of a storage, or of this home."""
    from kgprism.platform.studies.search.listing import searches

    found = searches(storage, lambda line: tell(f"left out: {line}"))
    if json:
        show_json([asdict(one) for one in found])
        return
    if not found:
        say("no searches yet: kgprism tune SPACE --dataset NAME")
        return
    head = ("name", "method", "dataset", "trials", "best", "objective", "state")
    rows = [
        (
            one.name,
            one.method,
            one.dataset,
            f"{one.trials}/{one.asked}" if one.asked else str(one.trials),
            one.best,
            one.objective,
            f"{one.state}, {one.where}" if one.where else one.state,
        )
        for one in found
    ]
    show_table(head, rows)
    if any(one.state == "interrupted" for one in found):
        say(shlex.join(["kgprism", "tune", "NAME", "--resume", *(["--storage", storage] if storage else [])]))
