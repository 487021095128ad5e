"""SNAG's tables for alignment: one without pseudo-pairs, one with them, of the same runs."""

from typing import Any

from kgprism.platform import configuration
from kgprism.platform.method import load
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.suite import Suite


def cells(suite: Suite) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the configuration of every row on every dataset."""
    found = {}
    for variant in suite.variants:
        method, preset = suite.composed(variant)
        kind = load(method)
        start = configuration.flatten(configuration.resolve(kind.Config, kind.presets[preset] if preset else {}))
        for dataset, ratio in suite.grid.places():
            layers = suite.layers(variant, dataset, ratio, extra={})
            found[variant.id, dataset] = configuration.flatten(configuration.resolve(kind.Config, start, *layers))
    return found


def test_each_run_without_pseudo_pairs_is_the_first_stage_of_the_one_with_them() -> None:
    alone, iterative = (cells(suites.read(name)) for name in ("snag_table2", "snag_table6"))
    assert alone.keys() == iterative.keys()
    for place, flat in alone.items():
        both = iterative[place]
        assert flat["pseudo_pairs.kind"] == "none"
        assert both["pseudo_pairs.stage.kind"] == "second_stage"
        assert (flat["train.epochs"], flat["train.patience"]) == (both["pseudo_pairs.start"], 0)
        other = {key for key in flat if flat[key] != both.get(key)}
        assert other == {"pseudo_pairs.kind", "train.epochs", "train.patience"}, place


def test_stages_are_as_long_as_those_of_the_releases_run_lines() -> None:
    # Spec 2.5 and 2.7; only SNAG itself has 500 + 500 epochs on JA-EN and FR-EN.
    found = cells(suites.read("snag_table6"))
    lengths = {place: (flat["pseudo_pairs.start"], flat["train.epochs"]) for place, flat in found.items()}
    for dataset in ("dbp15k-zh-en", "dbp15k-ja-en", "dbp15k-fr-en", "openea-d-w-15k-v1"):
        assert lengths["eva-standard", dataset] == (500, 2000)
        assert lengths["mclea-noise-40", dataset] == lengths["meaformer-60", dataset] == (250, 1500)
        own = (500, 1000) if dataset in ("dbp15k-ja-en", "dbp15k-fr-en") else (250, 1500)
        assert lengths["snag-standard", dataset] == own


def test_only_snag_has_parameter_groups() -> None:
    found = cells(suites.read("snag_table6"))
    rates = {place[0].split("-")[0]: (flat.get("balance_rate"), flat.get("decay")) for place, flat in found.items()}
    assert rates["snag"] == (5.0, "weights")
    assert rates["meaformer"] == (1.0, "all")
