"""What a study proposes: asked again where a proposal must not be, until nothing new is to be expected."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from kgprism.platform.errors import ConfigurationError, first_line
from kgprism.platform.method import FAULTS
from kgprism.platform.studies.search.sampling.attributes import BROKEN
from kgprism.platform.studies.search.sampling.indexed import Enumerated, Indexed, drawn
from kgprism.platform.studies.search.spaces.region import Region

#: Repetitions in a row after which chance takes the sampler's place, and after which the space counts as exhausted.
CHANCE, EXHAUSTED = 3, 12
#: Proposals in a row that do not keep what is required, after which chance looks for one that does.
ASTRAY = 10


@contextmanager
def _explained(sampler: BaseSampler) -> Iterator[None]:
    """Tell in one line what an installed sampler ends of: its code is not ours."""
    try:
        yield
    except FAULTS as error:
        kind = type(sampler)
        if kind.__module__.startswith(("optuna.", "kgprism.")):
            raise
        raise ConfigurationError(f"the sampler {kind.__module__}.{kind.__name__}: {first_line(error)}") from error


class Proposals:
    """The proposals of a study's sampler.

    ``unmet``: chance has found nothing any more that keeps the requirements; ``through``: the sampler has said so.
    """

    def __init__(
        self, study: optuna.Study, draw: Callable[[optuna.Trial], dict[str, Any]], region: Region | None
    ) -> None:
        self.study, self.draw, self.region = study, draw, region
        self.unmet, self.through, self._astray = False, False, 0
        # Of a study that is asked and told, Optuna does not expect that a sampler wants to stop it.
        study.stop = self._stop  # type: ignore[method-assign]

    def _stop(self) -> None:
        self.through = True

    def more(self, repeats: int) -> bool:
        """Tell whether the sampler is to be asked again after so many repetitions in a row."""
        if self.unmet or self.through:
            return False
        if not isinstance(self.study.sampler, Enumerated):
            return repeats < EXHAUSTED
        queued = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return bool(queued) or self.study.sampler.left(self.study) > 0

    def propose(self, repeats: int) -> tuple[optuna.Trial, dict[str, Any]] | None:
        """Ask the study once; none if its answer does not keep the requirements, of which it is told."""
        usual = self.study.sampler
        if repeats >= CHANCE and not isinstance(usual, Indexed):
            self.study.sampler = Indexed(0)
        with _explained(usual):
            trial = self.study.ask()
            chosen = self.draw(trial)
        self.study.sampler = usual
        if self.region and (text := self.region.broken(chosen)):
            self._refuse(trial, text, self.region)
            return None
        self._astray = 0
        return trial, chosen

    def _refuse(self, trial: optuna.Trial, text: str, region: Region) -> None:
        """Tell the study that a proposal is as bad as can be; it does not count. After a few, chance draws."""
        trial.set_user_attr(BROKEN, text)
        self.study.tell(trial, state=TrialState.PRUNED)
        self._astray += 1
        if self._astray >= ASTRAY:
            if chosen := region.by_chance(0, drawn(self.study)):
                self.study.enqueue_trial(chosen)
            else:
                self.unmet = True
