"""What a completion method is built from: the training triples and one full feature table a modality."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kgprism.platform.data.graph import CompletionGraph, Features
from kgprism.platform.data.inputs import label_text
from kgprism.platform.data.inputs.holdout import contaminated, holdout
from kgprism.platform.data.once import once_a_dataset
from kgprism.platform.errors import DataError, nearest
from kgprism.platform.seeding import generator
from kgprism.platform.settings import CompletionData


@dataclass(frozen=True, eq=False)
class TrainingGraph:
    """One graph as a method sees it: no validation and no test triples.

    ``triples`` (triples, 3) head, relation, tail; ``features[m]`` (entities, width of m) float32, rows of absent
    vectors filled; ``present[m]`` (entities,) whether the vector was there.
    """

    entities: int
    relations: int
    triples: Tensor
    features: Mapping[str, Tensor]
    present: Mapping[str, Tensor]


def adapt(dataset: CompletionGraph, data: CompletionData) -> tuple[CompletionGraph, tuple[str, ...]]:
    """Return the dataset with the validation part and the text features asked for, and a line for each change.

    The same object comes back where nothing has to change.

    Raises:
        ConfigurationError: if nothing can be held out, or the sentence encoder is not there.
        DataError: if a part has no triples, or names are needed and there are none.
    """
    _check_parts(dataset, data)
    judged, about_valid = _validated(dataset, data)
    told, about_text = _with_text(judged, data)
    return told, about_valid + about_text


def prepare(graph: CompletionGraph, data: CompletionData, seed: int, modalities: Iterable[str]) -> TrainingGraph:
    """Return the graph for a method; `modalities` are those that the graph has and the method asks for.

    A published row of zeros stands for an absent vector (`Features.known`; completion spec 0.2).

    Raises:
        DataError: if the graph lacks a modality.
    """
    entities = len(graph.graph.entities)
    features, present = {}, {}
    for modality in sorted(modalities):
        if modality not in graph.graph.features:
            raise DataError(f"{graph.name} has no {modality} features{nearest(modality, graph.modalities)}")
        table, there = _filled(graph.graph.features[modality], entities, data.missing, seed, modality)
        features[modality], present[modality] = torch.from_numpy(table), torch.from_numpy(there)
    triples = torch.from_numpy(graph.graph.triples.astype(np.int64))
    return TrainingGraph(entities, len(graph.graph.relations), triples, features, present)


def _check_parts(dataset: CompletionGraph, data: CompletionData) -> None:
    """Refuse parts without triples; an empty validation part only where it would be used."""
    if data.valid == "published" and not len(dataset.valid):
        raise DataError(f"{dataset.name}: valid holds no triple: use data.valid=holdout")
    for part, triples in (("train", dataset.graph.triples), ("test", dataset.test)):
        if not len(triples):
            raise DataError(f"{dataset.name}: {part} holds no triple")


def _validated(dataset: CompletionGraph, data: CompletionData) -> tuple[CompletionGraph, tuple[str, ...]]:
    if data.valid == "published":
        return dataset, ()
    in_train, in_test = contaminated(dataset)
    if data.valid == "auto" and len(dataset.valid) and not in_train and not in_test:
        return dataset, ()
    found = holdout(dataset, data.holdout, data.holdout_seed)
    note = f"{dataset.name}: {len(found.valid):,} training triples are held out as validation triples; "
    note += f"of the published {len(dataset.valid):,} rows {in_train:,} distinct ones are in train, {in_test:,} in test"
    return found, (note,)


def _with_text(dataset: CompletionGraph, data: CompletionData) -> tuple[CompletionGraph, tuple[str, ...]]:
    if data.text not in ("labels", "sentences"):  # the source's own, or a set that was put in their place
        return dataset, ()
    labels = data.text == "labels"
    what = "hashed character n-grams of the names" if labels else f"{label_text.ENCODER}'s vectors of the names"
    note = f"{dataset.name}: text features are {what}: the numbers are not comparable with published ones"
    return _lettered(dataset, data.text_width if labels else None), (note,)


@once_a_dataset
def _lettered(dataset: CompletionGraph, width: int | None) -> CompletionGraph:
    """Return the dataset with text features made of names: n-grams so wide, or an encoder's without a width."""
    text = label_text.sentences(dataset.graph) if width is None else label_text.ngrams(dataset.graph, width)
    return replace(dataset, graph=replace(dataset.graph, features={**dataset.graph.features, "text": text}))


def _filled(found: Features, entities: int, rule: str, seed: int, modality: str) -> tuple[np.ndarray, np.ndarray]:
    """Return one row an entity and which were there; absent rows are zero, or drawn once as SNAG does (spec 2.2).

    ``normal``: every dimension's mean plus unbiased standard deviation times a standard normal number.
    """
    there = np.zeros(entities, bool)
    there[found.known.entities] = True
    table = np.zeros((entities, found.values.shape[1]), np.float32)
    table[found.entities] = found.values
    if rule == "normal" and there.any() and not there.all():
        rows = table[there]
        mean = rows.mean(0, dtype=np.float64)
        deviation = rows.std(0, ddof=1, dtype=np.float64) if len(rows) > 1 else np.zeros_like(mean)
        noise = generator(seed, "missing", modality).standard_normal((int((~there).sum()), len(mean)), np.float32)
        table[~there] = mean + deviation * noise
    return table, there
