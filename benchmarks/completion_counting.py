"""The operations that a completion method cannot avoid, counted from shapes as in `counting`.

A step's negatives, a hundred a triple, touch nearly every entity: all of them are projected once a step. Scores of
negatives are counted by coordinate; backward they cost twice as much, as both sides learn.
"""

from typing import Any

import torch

#: Operations a coordinate of a score: multiply and add; subtract, length and add; and half of a complex coordinate's
#: two differences, two squares, root and two sums.
SCORE = {"products": 2.0, "l1": 3.0, "modulus": 3.5}


def per_coordinate(scorer: Any) -> float:
    """Return the operations a coordinate of comparing a query with a candidate."""
    return SCORE[getattr(scorer, "norm", "products")]


def encoding(method: Any, back: bool) -> dict[str, float]:
    """Return the GFLOP of projecting and fusing every entity once; trained features learn too."""
    config, graph = method.config, method.graph
    width = method.scorer.entity_width
    read = sorted(set(getattr(config, "modalities", ())) & set(graph.features)) if len(method.modalities) > 1 else []
    trained = getattr(config, "features", "frozen") == "trained"
    pool = getattr(config, "pool", 0)
    depth = getattr(getattr(config, "projection", None), "depth", 1)
    found = {"maps": 0.0, "fusion": 0.0}
    for name in read:
        inner = graph.features[name].shape[1] // (pool**2 if pool and name == "image" else 1)
        first = 2.0 * graph.entities * inner * width
        found["maps"] += first * (1 if not back else 3 if trained else 2)
        found["maps"] += (depth - 1) * 2.0 * graph.entities * width * width * (3 if back else 1)
    fusion = getattr(config, "fusion", None)
    if fusion is not None and fusion.kind in ("mean", "graph", "confidence"):
        tokens = len(read) + 1
        # `graph` asks the last layer for one token's row: keys and values of all, the rest of one.
        asked = 1 if fusion.kind == "graph" else tokens
        last = 2 * tokens + 2 * asked
        row = 2.0 * width * width * (4 * tokens * (fusion.layers - 1) + last)
        found["fusion"] = graph.entities * row * (3 if back else 1)
    return {term: 1e-9 * count for term, count in found.items() if count}


def step(method: Any, config: Any) -> dict[str, float]:
    """Return GFLOP of one optimiser step by term."""
    size = min(config.train.batch_size, len(method.graph.triples))
    sampler = getattr(config.negatives, "sampled", config.negatives)
    width = method.scorer.entity_width
    distances = 4 if config.scoring.kind == "ikrl" else 1
    scores = 3 * per_coordinate(method.scorer) * distances * width * size * (1 + sampler.count)
    return {**encoding(method, True), "scores": 1e-9 * scores, **_diffusion(method, config, size)}


def _diffusion(method: Any, config: Any, size: int) -> dict[str, float]:
    """Return what DHNS's chains and the training of their denoiser need; its time vectors are too few to count."""
    settings = getattr(config.negatives, "diffusion", None)
    if settings is None:
        return {}
    width, chains = method.scorer.entity_width, len(method.modalities)
    layers = 3 * settings.hidden + settings.hidden + (1 if settings.norm == "before" else 0)
    row = 2.0 * layers * width * width
    levels = method.negatives.times
    calls = settings.steps - min(levels) + len(set(levels))
    # Drawing has no gradient; the denoiser's own step sees both ends of every triple.
    return {"drawing": 1e-9 * chains * size * calls * row, "denoiser": 1e-9 * 3 * 2 * chains * size * row}


def judging(method: Any, task: Any) -> dict[str, float]:
    """Return GFLOP of scoring each distinct query of the test triples against every entity, and of one encoding."""
    triples = task.queries["test"]
    queries = sum(len(torch.unique(triples[:, ends], dim=0)) for ends in ([0, 1], [1, 2]))
    distances = 4 if method.config.scoring.kind == "ikrl" else 1
    scores = per_coordinate(method.scorer) * distances * queries * method.graph.entities * method.scorer.entity_width
    return {**encoding(method, False), "scores": 1e-9 * scores}
