"""Rows of a suite tuned by themselves, on the command line: what is planned, and the searches with their progress."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kgprism.platform.cli.progress import Board, number
from kgprism.platform.cli.running import on_ray
from kgprism.platform.cli.screen import tell
from kgprism.platform.errors import ConfigurationError

if TYPE_CHECKING:
    from kgprism.platform.studies.fair.rows import Search
    from kgprism.platform.studies.fair.tuning import Tuning
    from kgprism.platform.studies.search.searcher import TrialNews
    from kgprism.platform.studies.suites.cells import Cell


def refuse_workers(workers: int) -> None:
    """Refuse several workers a run: a search's trials are runs of one process.

    Raises:
        ConfigurationError: naming both options.
    """
    if workers > 1:
        raise ConfigurationError("--workers: rows are tuned in runs of one process: leave it out, or say --no-tuning")


def planned(searches: list["Search"]) -> list[str]:
    """Return in lines what would be searched, and what not."""
    from kgprism.platform.studies.reports.notes import where

    wanted = [one.wanted for one in searches if one.wanted]
    counts = Counter(asked.trials for asked in wanted)
    told = (
        ", ".join(f"{count} search{'es' if count > 1 else ''} x {trials} trials" for trials, count in counts.items())
        or "no search"
    )
    seeds = sum(len(one.cells) for one in searches if one.wanted)
    lines = [f"tuning: {told}, then at most {seeds} runs of what is chosen, those of the tuned seed being there"]
    for one in searches:
        row, dataset, ratio = one.place
        left = "".join(f"; not {key}: {why}" for key, why in one.left.items())
        lines.append(f"tuning {row} on {where(dataset, ratio)}: {', '.join(one.keys) or 'nothing, so as frozen'}{left}")
    return lines


def plain(searches: list["Search"]) -> list[dict[str, Any]]:
    """Return the same as values that JSON knows."""
    return [
        {
            **dict(zip(("variant", "dataset", "seed_ratio"), one.place, strict=True)),
            "trials": one.wanted.trials if one.wanted else 0,
            "keys": list(one.keys),
            "left": dict(one.left),
            "study": one.wanted.name if one.wanted else None,
        }
        for one in searches
    ]


def tune_rows(
    tuning: "Tuning", cpus: float, gpus: float | None, carry_out: Callable[[list["Cell"]], dict[str, str]]
) -> dict[str, str]:
    """Search for every row, then run what was chosen with all seeds; return why runs of these failed, by run id."""
    if left := tuning.left():
        from kgprism.platform.cluster.resources import refuse_impossible
        from kgprism.platform.cluster.session import gpus_each

        total = sum(one.wanted.trials for one in tuning.searches if one.wanted)
        ahead = sum(one.wanted.trials for one in left if one.wanted)
        tell(f"tuning: {len(left)} of {len(tuning.searches)} rows to search for")
        refuse_impossible([one.frozen.configuration["train.device"] for one in left], cpus=cpus, gpus=gpus)
        with on_ray():
            with Board("trials", total, total - ahead) as board:
                each = {"cpus_per_trial": cpus, "gpus_per_trial": gpus_each(gpus)}
                for one in left:
                    sweep = tuning.carry_out(one, _listener(board, one), **each)
                    for error in sweep.errors:
                        board.note(f"{_label(one)}: {error}")
            return carry_out(tuning.cells())
    return carry_out(tuning.cells())


def _label(one: "Search") -> str:
    row, dataset, ratio = one.place
    return f"{row} {dataset}{'' if ratio is None else f' {ratio:g}'}"


def _listener(board: Board, one: "Search") -> Callable[["TrialNews"], None]:
    epochs = int(one.frozen.configuration["train.epochs"])

    def listen(news: "TrialNews") -> None:
        key, label = f"{one.place} {news.trial}", f"{_label(one)} trial {news.trial}"
        if news.state == "started":
            board.start(key, label, int(news.overrides.get("train.epochs", epochs)))
        elif news.state in ("epoch", "running"):
            board.step(key, news.epoch or 0, "" if news.value is None else f"best {number(news.value)}")
        elif news.state == "waiting":
            board.note(f"{label}: waits, {news.reason}")
        elif news.state != "repeated":
            reason = f": {news.reason}" if news.reason else ""
            board.end(key, f"{label}: {news.state}, best {number(news.value)}{reason}")

    return listen
