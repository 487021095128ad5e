"""Which pairs are trained on, which choose the epoch and which are judged."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.data.inputs.few import few
from kgprism.platform.data.inputs.leakage import PARTS
from kgprism.platform.data.inputs.together import distinct, drawn, together
from kgprism.platform.data.once import once_a_dataset
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.seeding import generator
from kgprism.platform.settings import AlignmentData, Unsupervised


@dataclass(frozen=True, eq=False)
class Split:
    """Parts of the pairs, ``(pairs, 2)`` local ids each; ``valid`` is empty where nothing is held out.

    No entity is in two parts, unless the source's own split has it there (`leakage` counts that) or the papers' shuffle
    is asked for. Unsupervised seeds stand in train and valid in place of pairs, right or wrong, and may name an entity
    of test.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def split(graphs: AlignedGraphs, settings: AlignmentData, valid_ratio: float, seed: int) -> Split:
    """Return the seeded split of the papers' code, or the source's own one.

    A pair that the source repeats is one pair. Pairs that share an entity stay on one side: nothing about a test
    pair is learned from another one. Where each entity has one partner, this is the papers' split to the last pair.

    The test part depends neither on `valid_ratio` nor on `settings.seeds`. A published validation part is kept as it
    is; otherwise a share of the training pairs is held out. Unsupervised seeds are parted the same way, so that no pair
    that somebody had to know chooses an epoch; they are found by the features that a method gets with this seed.

    Raises:
        ConfigurationError: if no pair is left to train on, or the seed is too large for the papers' generator.
        DataError: if the source has no split of its own but one is asked for, an empty part, no features to find
            seeds by, or pairs that all hang together.
    """
    chosen = seed if settings.split_seed is None else settings.split_seed
    published = graphs.published
    seeds, kind = settings.seeds, usual(graphs) if settings.split == "auto" else settings.split
    if kind != "published":
        train, test = _shuffled(graphs, settings, chosen)
    elif {"train", "test"} <= set(published):
        train, test = published["train"], published["test"]
        for part in ("train", "test"):
            if not len(published[part]):
                raise DataError(f"{graphs.name}: the published {part} part holds no pair: use data.split=seeded")
        if "valid" in published and not isinstance(seeds, Unsupervised):
            return Split(train, published["valid"], test)
    else:
        raise DataError(f"{graphs.name}: the source has no split of its own, use data.split=seeded")
    if isinstance(seeds, Unsupervised):
        train = _alike(graphs, settings, seeds, seed)
    return Split(*_held_out(train, valid_ratio, chosen, graphs.name), test)


def usual(graphs: AlignedGraphs) -> Literal["published", "seeded"]:
    """Return which split is taken where none is asked for."""
    return "published" if {"train", "test"} <= set(graphs.published) else "seeded"


def settled(graphs: AlignedGraphs, settings: AlignmentData, drawn: bool) -> tuple[AlignmentData, tuple[str, ...]]:
    """Return the settings with the split that `auto` stands for, and a line where the source has its own.

    `drawn`: the source's own one is passed over, since the papers do so or somebody set how a split is drawn.
    """
    own = usual(graphs) == "published"
    if settings.split != "auto":
        return settings, ()
    if not own or drawn:
        note = "a split is drawn by data.seed_ratio; data.split=published takes the source's own"
        return settings.model_copy(update={"split": "seeded"}), (f"{graphs.name}: {note}",) if own else ()
    sizes = ", ".join(f"{len(graphs.published[part]):,} {part}" for part in PARTS if part in graphs.published)
    note = f"the source's own split is taken ({sizes} pairs), so data.seed_ratio does not count; data.split=seeded "
    return settings.model_copy(update={"split": "published"}), (f"{graphs.name}: {note}draws one",)


def sparse(graphs: AlignedGraphs, settings: AlignmentData, valid_ratio: float) -> tuple[str, ...]:
    """Return a line if few pairs are to choose the epoch; `settings` are settled."""
    if settings.split == "published" and "valid" in graphs.published and not isinstance(settings.seeds, Unsupervised):
        return few(graphs.name, len(graphs.published["valid"]), "pairs")
    if isinstance(settings.seeds, Unsupervised):
        count = settings.seeds.count
    elif settings.split == "published":
        count = len(graphs.published.get("train", ()))
    else:
        count = int(_different(graphs) * settings.seed_ratio)
    return few(graphs.name, _share(count, valid_ratio), "pairs")


@once_a_dataset
def _different(graphs: AlignedGraphs) -> int:
    return len(distinct(graphs.pairs))


def _share(count: int, ratio: float) -> int:
    """Return how many of `count` pairs are held out."""
    return max(1, int(count * ratio)) if ratio else 0


def _alike(graphs: AlignedGraphs, settings: AlignmentData, seeds: Unsupervised, seed: int) -> np.ndarray:
    """Return the pairs ``(pairs, 2)`` that the features find."""
    # Loaded where it is used: who only counts pairs waits for no torch.
    from kgprism.platform.data.inputs.features import join
    from kgprism.platform.data.inputs.unsupervised_seeds import unsupervised

    if seeds.modality not in graphs.modalities:
        raise DataError(f"data.seeds.modality={seeds.modality}: {graphs.name} has no {seeds.modality} features")
    joint = join(graphs, settings, seed, {seeds.modality})
    return unsupervised(joint, seeds.modality, seeds.count, among=seeds.among)


def _shuffled(graphs: AlignedGraphs, settings: AlignmentData, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shuffle once with NumPy's old generator, which the papers' code uses, and cut."""
    if seed >= 2**32:
        raise ConfigurationError(f"data.split_seed: the papers' shuffle takes seeds below 2**32, got {seed}")
    shuffled = distinct(graphs.pairs)
    np.random.RandomState(seed).shuffle(shuffled)
    count = int(len(shuffled) * settings.seed_ratio)
    if settings.split == "papers":
        return shuffled[:count], shuffled[count:]
    known = drawn(together(shuffled), np.arange(len(shuffled)), count)
    if count and not known.any():
        raise DataError(
            f"{graphs.name}: {count} of {len(shuffled)} pairs cannot be parted from the rest, they share entities: "
            "take a larger data.seed_ratio, or data.split=papers, which lets test entities be trained on"
        )
    return shuffled[known], shuffled[~known]


def _held_out(train: np.ndarray, ratio: float, seed: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left to train on and the share, at least one pair, that chooses the epoch."""
    count = _share(len(train), ratio)
    groups, order = together(train), generator(seed, "valid").permutation(len(train))
    held = drawn(groups, order, count)
    if count and not held.any():
        held = groups == groups[order[0]] if len(order) else held
    if count >= len(train) or held.all():
        raise ConfigurationError(f"{name}: {len(train)} seed pairs, {count} held out: none is left to train on")
    return train[~held], train[held]
