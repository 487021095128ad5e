"""From raw files to a feature set: what is asked for is found, encoded where it is not known yet, pooled and stored."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kgprism.platform.data.catalogue import datasets, feature_sets
from kgprism.platform.data.graph import Dataset
from kgprism.platform.data.inputs import label_text
from kgprism.platform.errors import ConfigurationError, DataError, RunError, nearest
from kgprism.platform.features import asked as sources
from kgprism.platform.features import pooling
from kgprism.platform.features.asked import Asked
from kgprism.platform.features.chunks import digest
from kgprism.platform.features.encoders import known
from kgprism.platform.features.encoders.encoder import Encoder, ImageEncoder
from kgprism.platform.features.encoding import Listener, encoded
from kgprism.platform.features.pooling import Entity, Pool
from kgprism.platform.files import explain_full_disk
from kgprism.platform.home import home, refuse_unwritable
from kgprism.platform.locks import locked

DTYPES = ("float16", "float32")

Source = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Extracted:
    """What was made: the set's files, by what, of how much, and what could not be had.

    ``counts`` of each side: its entities, those with a vector, pictures or texts, distinct ones, unreadable ones.
    ``encoded`` contents are new; ``unreadable`` names files and says why; ``strangers`` belong to no entity.
    """

    name: str
    kind: known.Kind
    modality: str
    set_name: str
    made_by: feature_sets.Header
    width: int
    dtype: str
    files: tuple[Path, ...]
    changed: bool
    encoded: int
    unreadable: tuple[tuple[str, str], ...] = ()
    strangers: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """By side, how many of what."""
        return self.made_by.counts


@dataclass(frozen=True)
class _How:
    """What is said of an extraction besides its sources."""

    pool: Pool
    dtype: str
    workers: int | None
    listener: Listener | None


def extract(
    name: str,
    *,
    images: Source | None = None,
    texts: Source | None = None,
    encoder: str | None = None,
    to: str | None = None,
    pool: str = "mean",
    weights: str | Path | None = None,
    workers: int | None = None,
    dtype: str = "float16",
    listener: Listener | None = None,
) -> Extracted:
    """Make a feature set of a dataset from raw pictures or texts, and keep it beside the dataset's files.

    `images` is a folder, a zip archive or a manifest (entity, tab, path), `texts` a file (entity, tab, text), or
    ``names`` or ``descriptions``; of two graphs each may have its own: a list, or ``kg1=...``. `to` says what they
    become, ``image``, ``text`` or another modality, and behind a colon the set's name, by default the encoder's.
    `workers` are processes on Ray, 0 this one alone; the bytes are the same. What is encoded is kept: whoever is killed
    goes on from there. A `listener` is called with each ``Step``: done, total and before, of distinct contents.

    Raises:
        ConfigurationError: an unknown encoder or word, a library or weights that are not here.
        DataError: if there is no such dataset or source, nothing of any entity, or another process is at it.
        RunError: if the encoder returns something else than vectors, or the disk is full.
    """
    if (images is None) == (texts is None):
        raise ConfigurationError("extract: say one of images and texts")
    kind: known.Kind = "image" if images is not None else "text"
    if dtype not in DTYPES:
        raise ConfigurationError(f"--dtype: unknown word '{dtype}'{nearest(dtype, DTYPES)}")
    how, chosen = _How(pooling.known_pool(pool), dtype, workers, listener), encoder or known.DEFAULT[kind]
    modality, set_name = _target(to or kind, chosen)
    dataset = datasets.load(name)
    refuse_unwritable()
    with _alone(name), explain_full_disk(home()):
        asked = (
            sources.pictures(dataset, _listed(images)) if images is not None else sources.said(dataset, _listed(texts))
        )
        made = known.encoder(kind, chosen, Path(weights) if weights else None)
        if how.pool == "best" and not (isinstance(made, ImageEncoder) and made.reads_names):
            raise ConfigurationError("--pool best: the encoder has to read names too: clip, siglip, open_clip:MODEL")
        return _carried_out(dataset, asked, made, how, modality, set_name)


def _carried_out(dataset: Dataset, asked: Asked, made: Encoder, how: _How, modality: str, set_name: str) -> Extracted:
    """Encode, pool and store."""
    read, new = encoded(made, asked.contents, how.workers, how.listener)
    why, width = dict[bytes, str](), 0
    for one in read():
        why.update(one.failed)
        width = max(width, one.values.shape[1])
    failed = [*asked.failed, *((*use, reason) for content, reason in why.items() for use in asked.uses[content])]
    if not width:
        _, place, reason = failed[0]
        raise DataError(f"{dataset.name}: none of {len(failed):,} pictures can be read, such as {place}: {reason}")
    items = pooling.chosen(asked.items, set(asked.contents) - set(why), how.pool)
    if how.pool == "best":
        assert isinstance(made, ImageEncoder)
        items = pooling.best(items, read, _names(dataset, items, made, how))
    features = pooling.pooled(items, read, feature_sets.sides(dataset), width, how.dtype)
    counts = _counts(dataset, asked, items, failed)
    header = feature_sets.Header(made.name, made.weights, made.library, made.prepared, how.pool, counts)
    before = _content(dataset.name, modality, set_name)
    files = feature_sets.store(dataset, modality, set_name, features, header)
    return Extracted(
        name=dataset.name,
        kind="image" if isinstance(made, ImageEncoder) else "text",
        modality=modality,
        set_name=set_name,
        made_by=header,
        width=width,
        dtype=how.dtype,
        files=tuple(files),
        changed=_content(dataset.name, modality, set_name) != before,
        encoded=new,
        unreadable=tuple(sorted((place, reason) for _, place, reason in failed)),
        strangers=tuple(sorted(asked.strangers)),
    )


def _names(
    dataset: Dataset, items: Mapping[Entity, list[bytes]], made: ImageEncoder, how: _How
) -> dict[Entity, np.ndarray]:
    """Return the vectors of the names of entities with several pictures, in the pictures' space."""
    every = {side: label_text.names(graph) for side, graph in feature_sets.sides(dataset).items()}
    asked = {entity: every[entity[0]][entity[1]] for entity, contents in items.items() if len(contents) > 1}
    keys = {entity: digest(text.encode(errors="surrogatepass")) for entity, text in asked.items() if text}
    read, _ = encoded(made.names(), {key: asked[entity] for entity, key in keys.items()}, how.workers, how.listener)
    vectors = {content: row for one in read() for content, row in zip(one.contents, one.values, strict=True)}
    return {entity: vectors[key] for entity, key in keys.items()}


def _counts(
    dataset: Dataset, asked: Asked, items: Mapping[Entity, object], failed: Sequence[tuple[Entity, str, str]]
) -> dict[str, dict[str, int]]:
    with_vector, unreadable = Counter(side for side, _ in items), Counter(side for (side, _), _, _ in failed)
    unopened = Counter(side for (side, _), _, _ in asked.failed)
    found = {}
    for side, graph in feature_sets.sides(dataset).items():
        own = [contents for (of, _), contents in asked.items.items() if of == side]
        found[side] = {
            "entities": len(graph.entities),
            "with": with_vector[side],
            "items": sum(map(len, own)) + unopened[side],
            "distinct": len({content for contents in own for content in contents}),
            "unreadable": unreadable[side],
        }
    return found


def _target(word: str, encoder: str) -> tuple[str, str]:
    """Return the modality and the set's name, which is the encoder's where none is said.

    Raises:
        DataError: for words that are no names.
    """
    modality, _, set_name = word.partition(":")
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-" for letter in encoder)
    set_name = set_name or plain.strip("-_.")[:60]
    feature_sets.check_names(modality, set_name)
    return modality, set_name


def _content(name: str, modality: str, set_name: str) -> str | None:
    """Return the digest of the set that is there; none where there is none, or one that is not whole."""
    try:
        return feature_sets.find(name, modality, set_name).content
    except DataError:
        return None


def _listed(source: Source | None) -> list[str | Path]:
    return [source] if isinstance(source, str | Path) else list(source or ())


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Let one process at a time make features of a dataset.

    Raises:
        RunError: if another one does.
    """
    with locked(home() / "cache" / "features" / f"{name}.lock", wait=False) as had:
        if not had:
            raise RunError(f"another process makes features of {name}: wait for it; what it encodes is kept")
        yield
