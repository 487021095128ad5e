"""Suite files: what is read, what is refused and where, what becomes of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import cells as planned
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome


@pytest.mark.parametrize("name", suites.suite_names())
def test_every_shipped_suite_is_valid(name: str) -> None:
    assert suites.read(name).suite == name


@pytest.mark.parametrize(
    ("dataset", "variant", "values"),
    [
        ("fb15k-db15k", "full", (0.667, 0.854, 0.735)),
        ("fb15k-db15k", "no-visual", (0.629, 0.847, 0.712)),
        ("fb15k-db15k", "attention", (0.474, 0.671, 0.542)),
        ("fb15k-yago15k", "concat", (0.513, 0.735, 0.591)),
        ("fb15k-yago15k", "no-relation", (0.580, 0.799, 0.657)),
    ],
)
def test_table_3_holds_the_papers_numbers(dataset: str, variant: str, values: tuple[float, ...]) -> None:
    table = suites.read("loginmea_table3")
    assert len(table.reference) == 18
    row = next(row for row in table.reference if (row.dataset, row.variant) == (dataset, variant))
    assert tuple(row.values[metric] for metric in ("hits_at_1", "hits_at_10", "mrr")) == values


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        ("fusion: sum", "fusion: sun", 19, "fusion: unknown part 'sun' (did you mean 'sum'?)"),
        ("fusion.rank", "fusion.rnk", 14, "unknown key 'fusion.rnk' (did you mean 'fusion.rank'?)"),
        ("train.epochs", "train.epoch", 7, "unknown key 'train.epoch' (did you mean 'train.epochs'?)"),
        ("train.epochs: 3", "train.epochs: 3,\n  epochs: 4", 8, "unknown key 'epochs' (did you mean 'train.epochs'?)"),
        ("train.epochs: 3", "train.epochs: 0", 7, "train.epochs: Input should be greater than or equal to 1, got 0"),
        ("train.epochs: 3", "data.seed_ratio: 0.3", 7, "data.seed_ratio is an axis of the grid"),
        ("loginmea", "loginmae", 5, "unknown method 'loginmae' (did you mean 'loginmea'?)"),
        ("method: loginmea", "method: loginmea\npreset: cod", 6, "no preset 'cod' (did you mean 'code'?)"),
        ("title:", "titel:", 3, "unknown key 'titel' (did you mean 'title'?)"),
        ("id: blind", "id: sum", 20, "variant 'sum' is there twice"),
        ("id: rival", "id: sum", 22, "variant 'sum' is there twice"),
        ("variant: sum", "variant: smu", 25, "unknown variant 'smu' (did you mean 'sum'?)"),
        ("when: {dataset: other}", "when: {dataset: othr}", 14, "'othr' is not in the grid (did you mean 'other'?)"),
        ("{dataset: other, seed_ratio: 0.5}", "{seed_ratio: 0.4}", 16, "seed_ratio 0.4 is not in the grid"),
        ("values: {hits_at_1: 0.4}", "values: {hits_at_1: 40}", 26, "expected fractions between 0 and 1"),
        ("override: {fusion: sum}", "override: {}", 19, "variant 'sum' changes nothing: it is the same as 'whole'"),
        ("override: {fusion: sum}", "override: {train.device: cpu}", 19, "variant 'sum' changes nothing"),
        ("modalities: [attribute, relation]", "fusion: sum", 20, "it is the same as 'sum'"),
        ("override: {fusion.rank: 3}", "preset: papr", 14, "no preset 'papr' (did you mean 'paper'?)"),
        (", override: {fusion.rank: 3}", "", 14, "expected a preset or an override"),
        ("schema: 1", "schema: 2", 1, "schema"),
        ("suite: small", "suite: [", 4, "not YAML"),
    ],
)
def test_a_mistake_is_refused_with_its_line(
    text: str, tmp_path: Path, good: str, bad: str, line: int, message: str
) -> None:
    assert good in text
    file = tmp_path / "suite.yaml"
    file.write_text(text.replace(good, bad, 1))
    with pytest.raises(ConfigurationError) as caught:
        suites.read(str(file))
    assert str(caught.value).startswith(f"{file}:{line}:")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_suite_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'loginmea_table3'"):
        suites.read("loginmea_table_3")


def test_the_grid_leaves_out_what_is_excluded(small: Suite) -> None:
    assert small.grid.places() == [("toy", 0.2), ("toy", 0.5), ("other", 0.2)]


def test_seeds_may_be_counted_on_or_listed(small: Suite, text: str, tmp_path: Path) -> None:
    assert small.grid.seed.take() == [7, 8]
    assert small.grid.seed.take(3) == [7, 8, 9]
    file = tmp_path / "listed.yaml"
    file.write_text(text.replace("{count: 2, start: 7}", "[5, 3]"))
    listed = suites.read(str(file)).grid.seed
    assert (listed.take(), listed.take(1)) == ([5, 3], [5])
    with pytest.raises(ConfigurationError, match="lists 2 seeds, but 3 are asked for"):
        listed.take(3)


def test_cells_are_the_grid_seed_by_seed_with_their_own_constants(small: Suite, graphs: AlignedGraphs) -> None:
    cells = planned.expand(small, {"toy": graphs, "other": replace(graphs, name="other")})
    assert len(cells) == 3 * 3 * 2
    assert [cell.seed for cell in cells] == [7] * 9 + [8] * 9
    whole = {(c.dataset, c.seed_ratio): c.run.configuration for c in cells if (c.variant, c.seed) == ("whole", 7)}
    assert {place: flat["fusion.rank"] for place, flat in whole.items()} == {
        ("toy", 0.2): 8,
        ("toy", 0.5): 8,
        ("other", 0.2): 3,
    }
    assert all(flat["data.seed_ratio"] == ratio for (_, ratio), flat in whole.items())
    assert {flat["train.epochs"] for flat in whole.values()} == {3}


def test_a_preset_of_a_part_of_the_grid_lies_below_the_base_and_above_the_rows_own(text: str, tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(
        text.replace("{when: {dataset: other}, override", "{when: {dataset: other}, preset: paper, override")
    )
    suite = suites.read(str(file))
    graphs = toy.aligned()
    cells = planned.expand(suite, {"toy": graphs, "other": replace(graphs, name="other")}, seeds=1, variants=["whole"])
    flat = {cell.dataset: cell.run.configuration for cell in cells}
    keys = ("propagation.depth", "modal_width", "fusion.rank")
    # The preset says depth 3, width 100 and no rank, the base width 8, the override rank 3.
    assert [flat["other"][key] for key in keys] == [3, 8, 3]
    assert [flat["toy"][key] for key in keys] == [2, 8, 8]


def test_what_is_set_never_undoes_a_variant(small: Suite, graphs: AlignedGraphs) -> None:
    extra = {"fusion": "concat", "train.epochs": 1}
    cells = planned.expand(small, {"toy": graphs}, seeds=1, overrides=extra)
    flat = {cell.variant: cell.run.configuration for cell in cells if cell.seed_ratio == 0.2}
    assert {variant: row["fusion.kind"] for variant, row in flat.items()} == {
        "whole": "concat",
        "sum": "sum",
        "blind": "concat",
    }
    assert {row["train.epochs"] for row in flat.values()} == {1}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"variants": ["blnd"]}, "suite small has no variant 'blnd' (did you mean 'blind'?)"),
        ({"overrides": {"fusion.rnk": 2}}, "--set: unknown key 'fusion.rnk' (did you mean 'fusion.rank'?)"),
        ({"overrides": {"data.seed_ratio": 0.4}}, "--set: data.seed_ratio is an axis of the suite small"),
        ({"preset": "papr"}, "loginmea has no preset 'papr' (did you mean 'paper'?)"),
    ],
)
def test_what_is_asked_is_checked(small: Suite, graphs: AlignedGraphs, asked: dict, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        planned.expand(small, {"toy": graphs}, **asked)
    assert message in str(caught.value)


def test_data_without_images_make_a_variant_the_same_run(small: Suite, graphs: AlignedGraphs) -> None:
    bare = replace(graphs, left=replace(graphs.left, features={}), right=replace(graphs.right, features={}))
    runs = {cell.variant: cell.run for cell in planned.expand(small, {"toy": bare}, seeds=1) if cell.seed_ratio == 0.2}
    assert runs["blind"].id == runs["whole"].id != runs["sum"].id
    assert any("no image features" in note for note in runs["whole"].notes)


def test_a_forecast_counts_runs_and_knows_their_pace(
    small: Suite, graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome]
) -> None:
    cells = planned.expand(small, {"toy": graphs})
    assert planned.forecast(cells, store) == planned.Forecast(12, 12, 0, 12, None)
    store.write(cells[0].run, outcome(0.5))
    # Six seconds for three epochs: eleven runs of three epochs are left.
    assert planned.forecast(cells, store) == planned.Forecast(12, 12, 1, 11, 66.0)
