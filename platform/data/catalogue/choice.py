"""Which vectors a run reads, by ``data.MODALITY``: the dataset's own, or a set made of its raw files."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from kgprism.platform.configuration import digest
from kgprism.platform.data.catalogue import feature_sets
from kgprism.platform.data.catalogue.feature_sets import FeatureSet
from kgprism.platform.data.graph import AlignedGraphs, Dataset, Features, MultiModalGraph
from kgprism.platform.data.once import once_a_dataset
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.settings import CompletionData, Unsupervised

D = TypeVar("D", bound=Dataset)

#: The dataset's own vectors; where it has none, the only set there is.
OWN = "published"
#: What ``data.text`` of completion makes of the names.
MADE = ("labels", "sentences")
#: The modalities that a setting of the same name chooses for, where a task has it.
CHOSEN = ("image", "text", "name")


def settled(config: Any, dataset: Dataset) -> tuple[Any, tuple[str, ...]]:
    """Return a method's settings with the sets that they stand for, and a line for each.

    Equal runs get equal settings: a set is named if it is read and only then, whether it was asked for or is the only
    one there is.

    Raises:
        ConfigurationError: if a dataset without vectors of its own has several sets, and none is chosen.
        DataError: if a file of such a dataset's sets is damaged.
    """
    changes, notes = {}, []
    for modality, word in _words(config).items():
        name = word
        if modality not in _read(config):
            name = word if _is_made(config, modality, word) else OWN
        elif word == OWN and modality not in dataset.modalities:
            name = _only(dataset, modality)
        if name != word:
            changes[modality] = name
        if name != OWN and not _is_made(config, modality, name):
            notes.append(f"{dataset.name}: {modality} features are the set '{name}' (data.{modality})")
    if changes:
        config = config.model_copy(update={"data": config.data.model_copy(update=changes)})
    return config, tuple(notes)


def chosen(config: Any, dataset: D) -> D:
    """Return the dataset as settled settings want it read; the same object where no set is chosen.

    With sets it has another fingerprint: that of the dataset and of the sets' content, whatever else is stored.

    Raises:
        DataError: if a set is not there, is damaged, or was made of other entities.
    """
    wanted = {
        modality: word
        for modality, word in _words(config).items()
        if word != OWN and modality in _read(config) and not _is_made(config, modality, word)
    }
    if not wanted:
        return dataset
    sets = [_found(config, dataset, modality, name) for modality, name in wanted.items()]
    return cast(D, _with_sets(dataset, tuple((one.modality, one.name, one.content) for one in sets)))


@once_a_dataset
def _with_sets(dataset: Dataset, wanted: tuple[tuple[str, str, str], ...]) -> Dataset:
    """Return the dataset with these sets, each by modality, name and content, in place of its own vectors."""
    sides = feature_sets.sides(dataset)
    for modality, name, content in wanted:
        found = feature_sets.find(dataset.name, modality, name)
        if found.content != content:
            raise DataError(f"{dataset.name}: {modality} features '{name}' are being replaced: give the command again")
        vectors = feature_sets.read(dataset, found)
        sides = {side: _in_place(graph, modality, vectors[side]) for side, graph in sides.items()}
    made: Dataset
    if isinstance(dataset, AlignedGraphs):
        made = replace(dataset, left=sides["kg1"], right=sides["kg2"])
    else:
        made = replace(dataset, graph=sides["kg"])
    # In place of a digest of all arrays, most of which are the dataset's.
    vars(made)["fingerprint"] = digest(dataset.fingerprint, {modality: content for modality, _, content in wanted})
    return made


def _in_place(graph: MultiModalGraph, modality: str, vectors: Features) -> MultiModalGraph:
    return replace(graph, features={**graph.features, modality: vectors})


def _found(config: Any, dataset: Dataset, modality: str, name: str) -> FeatureSet:
    words = (OWN, *MADE) if modality == "text" and isinstance(config.data, CompletionData) else (OWN,)
    return feature_sets.find(dataset.name, modality, name, words)


def _only(dataset: Dataset, modality: str) -> str:
    """Return the only set there is, or the word for none."""
    names = [one.name for one in feature_sets.stored(dataset.name) if one.modality == modality]
    if len(names) > 1:
        listed = ", ".join(names)
        told = f"{dataset.name} has no {modality} features of its own, and several sets: choose data.{modality} of"
        raise ConfigurationError(f"{told} {listed}")
    return names[0] if names else OWN


def _words(config: Any) -> Mapping[str, str]:
    """Return what is asked for of each modality that can be chosen."""
    return {modality: getattr(config.data, modality) for modality in CHOSEN if hasattr(config.data, modality)}


def _read(config: Any) -> frozenset[str]:
    """Return the modalities that a run reads, those that only its seed pairs are found by too."""
    seeds = getattr(config.data, "seeds", None)
    return frozenset(config.modalities) | ({seeds.modality} if isinstance(seeds, Unsupervised) else frozenset())


def _is_made(config: Any, modality: str, word: str) -> bool:
    return modality == "text" and word in MADE and isinstance(config.data, CompletionData)
