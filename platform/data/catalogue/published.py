"""The known benchmarks: what the papers say they hold, why ours may differ, and where their files come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The columns of the papers' tables, one row a graph.
COLUMNS = ("entities", "relations", "triples", "attributes", "attribute_triples", "images")


@dataclass(frozen=True)
class Benchmark:
    """One benchmark. ``statistics`` and ``known`` have keys such as ``left/triples``, ``pairs``, ``valid``.

    ``known[quantity][measured]`` is the reason for a measured number that is not the published one: only that number
    is excused. ``source`` says where the files are for somebody who downloads them by hand.
    """

    task: str
    source: str
    statistics: Mapping[str, int]
    known: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


def expected(name: str) -> Mapping[str, int]:
    """Return the papers' statistics of a benchmark; nothing for the user's own data."""
    return BENCHMARKS[name].statistics if name in BENCHMARKS else {}


def known(name: str, quantity: str, measured: int) -> str:
    """Return why a benchmark measures `measured` and not what is published; ``''`` if that is not known."""
    return BENCHMARKS[name].known.get(quantity, {}).get(measured, "") if name in BENCHMARKS else ""


def _aligned(left: tuple[int, ...], right: tuple[int, ...], pairs: int) -> dict[str, int]:
    sides = {"left": left, "right": right}
    table = {f"{side}/{c}": n for side, row in sides.items() for c, n in zip(COLUMNS, row, strict=True)}
    return table | {"pairs": pairs}


def _absent(attribute_files: str) -> dict[str, dict[int, str]]:
    """Excuse a measured 0 of both graphs' images and attributes."""
    reasons = dict.fromkeys(("attributes", "attribute_triples"), _NO_ATTRIBUTES.format(attribute_files))
    reasons["images"] = _NO_IMAGES
    return {f"{side}/{column}": {0: reason} for side in ("left", "right") for column, reason in reasons.items()}


_MMKB = "https://github.com/mniepert/mmkb/tree/dc1c89cac110ddbb9944d6ed5ab2b3c2339d320c (folders {})"
_MCLEA = "https://github.com/lzxlin/MCLEA/tree/6946d433a8bab2a1a7d8c88af046d74efa72f7b0/data/DBP15K/{}"
_OPENEA = "https://github.com/nju-websoft/OpenEA#dataset-overview (OpenEA_dataset_v1.1.zip, folder {})"
_DHNS = "https://github.com/ngl567/DHNS/tree/02d8de0d321016798717fc1fce7c3b41f544eee5/benchmarks/{}"

_FB15K = (14951, 1345, 592213, 116, 29395, 13444)

_NO_IMAGES = "image vectors are published apart from the triples: put the authors' file beside them"
_NO_ATTRIBUTES = "this copy of the triples has no attributes: put {} beside them"
_SWAPPED = "the papers print the sizes of valid and test the other way round"


def _dbp15k(folder: str, left: tuple[int, ...], right: tuple[int, ...]) -> Benchmark:
    """Attribute triples are distinct (entity, attribute) rows, as in the tables of SimDiff, SNAG and LoginMEA.

    Other tables count them with their values (ZH-EN: 379,684 and 567,755), which no method here reads.
    """
    reasons = _absent("training_attrs_1 and _2")
    return Benchmark("alignment", _MCLEA.format(folder), _aligned(left, right, 15000), reasons)


def _openea(folder: str, left: tuple[int, ...], right: tuple[int, ...]) -> Benchmark:
    reasons = _absent("attr_triples_1 and _2 of OpenEA's archive")
    return Benchmark("alignment", _OPENEA.format(folder), _aligned(left, right, 15000), reasons)


def _completion(source: str, *sizes: int, **more: int) -> Benchmark:
    columns = ("entities", "relations", "train", "valid", "test")
    return Benchmark("completion", source, dict(zip(columns, sizes, strict=True)) | more)


#: Sources: SimDiff table 5, SNAG table 5 and the LoginMEA supplement; DHNS table 1; OpenKE for FB15K.
BENCHMARKS: dict[str, Benchmark] = {
    "fb15k-db15k": Benchmark(
        "alignment",
        _MMKB.format("FB15K and DB15K"),
        _aligned(_FB15K, (12842, 279, 89197, 225, 48080, 12837), 12846),
    ),
    "fb15k-yago15k": Benchmark(
        "alignment",
        _MMKB.format("FB15K and YAGO15K"),
        _aligned(_FB15K, (15404, 32, 122886, 7, 23532, 11194), 11199),
    ),
    "dbp15k-zh-en": _dbp15k(
        "zh_en", (19388, 1701, 70414, 8111, 248035, 15912), (19572, 1323, 95142, 7173, 343218, 14125)
    ),
    "dbp15k-ja-en": _dbp15k(
        "ja_en", (19814, 1299, 77214, 5882, 248991, 12739), (19780, 1153, 93484, 6066, 320616, 13741)
    ),
    "dbp15k-fr-en": _dbp15k(
        "fr_en", (19661, 903, 105998, 4547, 273825, 14174), (19993, 1208, 115722, 6422, 351094, 13858)
    ),
    "openea-d-w-15k-v1": _openea(
        "D_W_15K_V1", (15000, 248, 38265, 342, 68258, 15000), (15000, 169, 42746, 649, 138246, 15000)
    ),
    "openea-d-w-15k-v2": _openea(
        "D_W_15K_V2", (15000, 167, 73983, 175, 66813, 15000), (15000, 121, 83365, 457, 175686, 15000)
    ),
    # Not a published benchmark: these are the counts of the page that comes with it.
    "emoji-en-fr": Benchmark(
        "alignment",
        "the folder EMOJI_EN_FR of kgprism's benchmark data",
        _aligned((4124, 13, 10282, 14, 12624, 2704), (4295, 11, 11050, 11, 11861, 2686), 2922),
    ),
    "db15k": Benchmark(
        "completion",
        _DHNS.format("DB15K"),
        {"entities": 12842, "relations": 279, "train": 79222, "valid": 9902, "test": 9904, "triples": 89197},
        {"valid": {9904: _SWAPPED}, "test": {9902: _SWAPPED}},
    ),
    "mkg-w": _completion(_DHNS.format("MKG-W"), 15000, 169, 34196, 4276, 4274),
    "mkg-y": _completion(_DHNS.format("MKG-Y"), 15000, 28, 21310, 2665, 2663),
    "fb15k": _completion(
        "https://github.com/thunlp/OpenKE/tree/64c4ec8157abfc39112772e9825a349091da45f1/benchmarks/FB15K",
        *(14951, 1345, 483142, 50000, 59071),
        triples=592213,
    ),
}
