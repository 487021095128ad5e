"""The trials of a search under way: what they need from the driver, what they leave, and what ends them all."""

import shutil
from contextlib import suppress
from functools import partial
from typing import Any

import optuna
import ray
from ray.exceptions import RayActorError

from kgprism.platform.cluster.channel import open_channel
from kgprism.platform.cluster.session import share
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.driver import Driving
from kgprism.platform.studies.search.engine import carry_out
from kgprism.platform.studies.search.objective import RunObjective
from kgprism.platform.studies.search.request import EXHAUSTED, Request, exhausted_at
from kgprism.platform.studies.search.running.account import Account, spent_on
from kgprism.platform.studies.search.running.costs import costs_of
from kgprism.platform.studies.search.running.stopping import stopping
from kgprism.platform.studies.search.searcher import BUDGET, UNMET, Listener, StudySearcher, TrialNews
from kgprism.platform.studies.search.spaces.feasibility import nothing
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.study import to_begin_again, unfinished
from kgprism.platform.studies.store.ownership import owning
from kgprism.platform.studies.store.runs import Store


def carry_on(
    wanted: Request,
    study: optuna.Study,
    store: Store,
    driver: Driving,
    listener: Listener | None,
    region: Region,
    **options: Any,
) -> tuple[tuple[str, ...], str]:
    """Carry the search's trials out; return the errors of crashed ones, and what ended it early, if anything."""
    channel, stopped = open_channel(), set[str]()
    held = {"cpus": options["cpus_per_trial"], "gpus": options["gpus_per_trial"]}
    account = Account(study, wanted.budget, **held)
    objective = RunObjective(
        method=wanted.space.method,
        preset=wanted.preset,
        overrides=wanted.overrides,
        seed=wanted.seed,
        metric=wanted.goal.metric,
        store=store.folder,
        dataset=share(wanted.dataset),
        base=wanted.base.id,
        channel=channel,
    )
    searcher = StudySearcher(
        study,
        region.suggest,
        wanted.trials,
        region=region,
        recall=partial(objective.recall, wanted.dataset),
        elsewhere=objective.elsewhere,
        costs=partial(costs_of, store, names=wanted.space.costs),
        listener=partial(_hear, store, stopped, listener),
        lost=lambda: driver.lost,
        # What a kill interrupted had begun before.
        spent=lambda holding: account.look(holding) and not driver.lost and not to_begin_again(study),
    )
    try:
        look, rule = partial(_look, channel, searcher, account), stopping(wanted.space.schedule, searcher)
        errors = carry_out(objective, searcher, scheduler=rule, look=look, **options)
    finally:
        ray.kill(channel)
        if not driver.lost:
            account.note()
    _drop(store, stopped)
    if driver.lost:
        raise ConfigurationError(
            "another process has taken this search over, as no sign of life had come from here: its runs are kept"
        )
    return errors, searcher.ended


def _look(channel: Any, searcher: StudySearcher, account: Account) -> None:
    """Pass on what the runs have sent, and count the time."""
    account.look(searcher.holding)
    with suppress(RayActorError):  # started again: only news is lost
        for identity, row in ray.get(channel.take.remote()):
            searcher.on_epoch(identity, row)


def _hear(store: Store, stopped: set[str], listener: Listener | None, news: TrialNews) -> None:
    """Note a stopped run, drop the checkpoints of those whose processes are through, then pass the news on."""
    if news.state == "pruned":
        stopped.add(news.identity)
    _drop(store, stopped)
    if listener:
        listener(news)


def _drop(store: Store, stopped: set[str]) -> None:
    """Drop the checkpoints of stopped runs, except of those that a process still has, perhaps to train them on."""
    for identity in sorted(stopped):
        with owning(store, identity) as mine:
            if mine:
                shutil.rmtree(store.partial(identity), ignore_errors=True)
                stopped.discard(identity)


def ended_already(study: optuna.Study, wanted: Request) -> str:
    """Return what had ended a search early that asks for so many trials and so much time, nothing if it can go on.

    A budget does not end it as long as trials that began before are not through.
    """
    if wanted.trials <= exhausted_at(study):
        return str(study.user_attrs.get("ended", EXHAUSTED))
    return BUDGET if spent_on(study).over(wanted.budget) and not unfinished(study) else ""


def told(ended: str, wanted: Request) -> str:
    """Say what ended a search early."""
    return {
        EXHAUSTED: "the space is exhausted: only known configurations were proposed any more",
        UNMET: nothing("what the space requires"),
        BUDGET: f"the budget of {wanted.budget} is spent: no trial was started any more; with a larger one it goes on",
    }.get(ended, "")
