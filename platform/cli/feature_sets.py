"""How feature sets of a dataset are shown."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kgprism.platform.cli.screen import complain, say, show_table
from kgprism.platform.data.catalogue import feature_sets
from kgprism.platform.errors import DataError

if TYPE_CHECKING:
    from kgprism.platform.data.catalogue.feature_sets import FeatureSet
    from kgprism.platform.data.graph import Dataset

_SIDES = {"kg1": "left", "kg2": "right", "kg": "graph"}


def described(dataset: "Dataset", *, whole: bool = False) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the sets of a dataset as plain values, and a line for each that runs would refuse.

    With `whole` every vector is compared with its digest; without, only headers are read.
    """
    sets, problems = feature_sets.surveyed(dataset.name)
    for one in sets:
        try:
            if whole:
                feature_sets.read(dataset, one)
            else:
                feature_sets.check_labels(dataset, one)
        except DataError as error:
            problems.append(str(error))
    graphs = {side: len(graph.entities) for side, graph in feature_sets.sides(dataset).items()}
    return [_plain(one, graphs) for one in sets], problems


def show_sets(sets: Iterable[dict[str, Any]], problems: Iterable[str]) -> None:
    """Print the sets as a table with what was found of each, then what is wrong."""
    sets = list(sets)
    if sets:
        sides = list(dict.fromkeys(graph["graph"] for one in sets for graph in one["graphs"]))
        head = ("setting", "encoder", "weights", "library", "pooling", "width", "values", *sides)
        show_table(head, [_row(one) for one in sets], title="Feature sets")
    for one in sets:
        counted = [f"{graph['graph']}: {_counts(graph['counts'])}" for graph in one["graphs"] if graph["counts"]]
        said = "; ".join([one["preprocessing"]] * bool(one["preprocessing"]) + counted)
        if said:
            say(f"{one['modality']}.{one['set']}: {said}")
    for line in problems:
        complain(line)


def digest_word(digest: str, signs: int) -> str:
    """Return the beginning of a digest of weights; of nothing, where an encoder has none, a word."""
    return "none" if digest == hashlib.sha256().hexdigest() else digest[:signs]


def _plain(one: "FeatureSet", entities: dict[str, int]) -> dict[str, Any]:
    header = one.header
    graphs = [
        {
            "graph": _SIDES[side],
            "entities": entities.get(side),
            "vectors": rows,
            "counts": dict(header.counts.get(side, {})),
        }
        for side, rows in one.rows.items()
    ]
    made = {key: getattr(header, key) for key in ("encoder", "weights", "library", "preprocessing", "pool")}
    kept = {"width": one.width, "dtype": one.dtype, "content": one.content}
    return {"modality": one.modality, "set": one.name} | made | kept | {"graphs": graphs}


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    covered = (f"{graph['vectors']:,} of {graph['entities'] or 0:,}" for graph in one["graphs"])
    made = (one["encoder"], digest_word(one["weights"], 12), one["library"], one["pool"], one["width"], one["dtype"])
    return (f"data.{one['modality']}={one['set']}", *made, *covered)


def _counts(counts: dict[str, int]) -> str:
    words = {"items": "in all", "with": "entities with a vector", "entities": "entities"}
    return ", ".join(f"{count:,} {words.get(what, what)}" for what, count in counts.items())
