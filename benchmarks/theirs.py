"""The same models in PyKEEN, on the same triples with the same dimensions, batches and negatives.

PyKEEN's RotatE takes the L2 norm over all coordinates, ours sums the moduli as the releases do, which is the dearer
one. Both are filtered. Needs ``pip install "kgprism[test]"``.
"""

from typing import Any

import torch
from machine import Setting, Times, clocked

from kgprism.platform.data.graph import CompletionGraph

DIM, BATCH, NEGATIVES, MARGIN, RATE = 250, 1024, 128, 12.0, 1e-3
#: Batches that PyKEEN trains on, its time scaled up to the epoch's.
STEPS = 10
_SHARED = {
    "scoring.dim": DIM,
    "negatives": "uniform",
    "negatives.count": NEGATIVES,
    "loss.temperature": 1.0,
    "train.batch_size": BATCH,
    "train.learning_rate": RATE,
    "train.draw": "shuffle",
}
#: Overrides on method `kge`.
SETTINGS: dict[str, dict[str, Any]] = {
    name: {"scoring": kind, **_SHARED, "scoring.margin": MARGIN}
    for name, kind in (("rotate", "rotate"), ("transe", "transe_l1"), ("distmult", "distmult"))
}
#: Queries that PyKEEN scores at once: more is slower where it writes queries x entities x coordinates down.
AT_ONCE = {"rotate": 4, "transe": 4, "distmult": 256}


class Model:
    """A model of PyKEEN's, with what trains and evaluates it."""

    def __init__(self, name: str, dataset: CompletionGraph, setting: Setting) -> None:
        from pykeen.models import DistMult, RotatE, TransE
        from pykeen.triples import CoreTriplesFactory

        kinds = {"rotate": (RotatE, {}), "transe": (TransE, {"scoring_fct_norm": 1}), "distmult": (DistMult, {})}
        graph = dataset.graph
        self.sizes = {"num_entities": len(graph.entities), "num_relations": len(graph.relations)}
        self.train, self.valid, self.test = (
            torch.from_numpy(triples.copy()) for triples in (graph.triples, dataset.valid, dataset.test)
        )
        self.name, self.setting = name, setting
        self.count = min(setting.theirs or len(self.test), len(self.test))
        self.steps = min(STEPS, max(1, len(self.train) // BATCH))
        kind, options = kinds[name]
        self.factory = CoreTriplesFactory(self.train[: self.steps * BATCH], **self.sizes)
        loss = {"loss": "nssa", "loss_kwargs": {"margin": MARGIN, "adversarial_temperature": 1.0}}
        self.model = kind(triples_factory=self.factory, embedding_dim=DIM, random_seed=0, **loss, **options)

    def epoch(self) -> Times:
        """Return the times of one epoch."""
        from pykeen.training import SLCWATrainingLoop

        loop = SLCWATrainingLoop(
            model=self.model,
            triples_factory=self.factory,
            optimizer=torch.optim.Adam(self.model.parameters(), lr=RATE),
            negative_sampler_kwargs={"num_negs_per_pos": NEGATIVES},
        )
        options = {"num_epochs": 1, "batch_size": BATCH, "use_tqdm": False, "use_tqdm_batch": False}
        times = clocked(lambda: loop.train(self.factory, **options), self.setting.rounds)
        return self._scaled(times, len(self.train) / len(self.factory.mapped_triples))

    def evaluation(self) -> Times:
        """Return the times of ranking all test triples."""
        from pykeen.evaluation import RankBasedEvaluator

        options = {"use_tqdm": False, "additional_filter_triples": [self.train, self.valid]}
        options["batch_size"] = AT_ONCE[self.name]
        evaluator = RankBasedEvaluator(filtered=True)
        asked = self.test[: self.count]
        times = clocked(lambda: evaluator.evaluate(self.model, asked, **options), self.setting.rounds)
        return self._scaled(times, len(self.test) / self.count)

    def note(self, part: str) -> str:
        """Say what PyKEEN's time is scaled up from."""
        if part == "training":
            return f"{self.steps} batches, scaled"
        return f"{self.count} of {len(self.test)} test triples, scaled"

    def _scaled(self, times: Times, factor: float) -> Times:
        return Times(times.wall * factor, times.cpu * factor)
