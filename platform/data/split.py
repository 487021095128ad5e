"""Which pairs are trained on, which choose the epoch and which are judged."""

from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.features import join
from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.data.unsupervised import unsupervised
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.seeding import generator
from kgprism.platform.settings import AlignmentData, Unsupervised


@dataclass(frozen=True, eq=False)
class Split:
    """Disjoint parts of the pairs, ``(pairs, 2)`` local ids each; ``valid`` is empty where nothing is held out.

    Unsupervised seeds stand in train and valid in place of pairs, right or wrong, and may name an entity of test.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def split(graphs: AlignedGraphs, settings: AlignmentData, valid_ratio: float, seed: int) -> Split:
    """Return the seeded split of the papers' code, or the source's own one.

    The test part depends neither on `valid_ratio` nor on `settings.seeds`. A published validation part is kept as it
    is; otherwise a share of the training pairs is held out. Unsupervised seeds are parted the same way, so that no pair
    that somebody had to know chooses an epoch; they are found by the features that a method gets with this seed.

    Raises:
        ConfigurationError: if no pair is left to train on, or the seed is too large for the papers' generator.
        DataError: if the source has no split of its own but one is asked for, or no features to find seeds by.
    """
    chosen = seed if settings.split_seed is None else settings.split_seed
    published = graphs.published
    seeds = settings.seeds
    if settings.split == "seeded":
        train, test = _shuffled(graphs.pairs, settings.seed_ratio, chosen)
    elif {"train", "test"} <= set(published):
        train, test = published["train"], published["test"]
        if "valid" in published and not isinstance(seeds, Unsupervised):
            return Split(train, published["valid"], test)
    else:
        raise DataError(f"{graphs.name}: the source has no split of its own, use data.split=seeded")
    if isinstance(seeds, Unsupervised):
        train = _alike(graphs, settings, seeds, seed)
    return Split(*_held_out(train, valid_ratio, chosen, graphs.name), test)


def _alike(graphs: AlignedGraphs, settings: AlignmentData, seeds: Unsupervised, seed: int) -> np.ndarray:
    """Return the pairs ``(pairs, 2)`` that the features find."""
    if seeds.modality not in graphs.modalities:
        raise DataError(f"data.seeds.modality={seeds.modality}: {graphs.name} has no {seeds.modality} features")
    joint = join(graphs, settings, seed, {seeds.modality})
    return unsupervised(joint, seeds.modality, seeds.count, among=seeds.among)


def _shuffled(pairs: np.ndarray, ratio: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shuffle once with NumPy's old generator, which the papers' code uses, and cut."""
    if seed >= 2**32:
        raise ConfigurationError(f"data.split_seed: the papers' shuffle takes seeds below 2**32, got {seed}")
    shuffled = pairs.copy()
    np.random.RandomState(seed).shuffle(shuffled)
    count = int(len(shuffled) * ratio)
    return shuffled[:count], shuffled[count:]


def _held_out(train: np.ndarray, ratio: float, seed: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left to train on and the share, at least one pair, that chooses the epoch."""
    count = max(1, int(len(train) * ratio)) if ratio else 0
    if count >= len(train):
        raise ConfigurationError(f"{name}: {len(train)} seed pairs, {count} held out: none is left to train on")
    held = np.zeros(len(train), bool)
    held[generator(seed, "valid").permutation(len(train))[:count]] = True
    return train[~held], train[held]
