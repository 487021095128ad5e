"""The tables and figures of IBMEA and the rest of LoginMEA's: cells typed from print, and what stands for a row."""

import pytest

from kgprism.platform.studies.suites import suite as suites

METRICS = ("hits_at_1", "hits_at_10", "mrr")


@pytest.mark.parametrize(
    ("name", "rows", "variant", "dataset", "ratio", "values"),
    [
        ("ibmea_table1", 84, "full", "fb15k-db15k", 0.2, (0.631, 0.813, 0.697)),
        ("ibmea_table1", 84, "full", "fb15k-yago15k", 0.8, (0.751, 0.890, 0.800)),
        ("ibmea_table1", 84, "mclea", "fb15k-yago15k", 0.5, (0.543, 0.759, 0.616)),
        ("ibmea_table1", 84, "umaea", "fb15k-db15k", 0.2, (0.560, 0.719, 0.617)),
        ("ibmea_table1", 84, "gcn-align", "fb15k-yago15k", 0.2, (0.081, 0.235, 0.153)),
        ("ibmea_table2", 33, "full", "dbp15k-fr-en", 0.3, (0.864, 0.985, 0.911)),
        ("ibmea_table2", 33, "psnea", "dbp15k-ja-en", 0.3, (0.819, 0.963, 0.868)),
        ("ibmea_table3", 18, "hybrid-ib", "fb15k-db15k", 0.5, (0.643, 0.762, 0.686)),
        ("ibmea_table3", 18, "no-attribute-ib", "fb15k-db15k", 0.8, (0.807, 0.898, 0.840)),
        ("loginmea_table1", 90, "full", "fb15k-yago15k", 0.2, (0.622, 0.818, 0.691)),
        ("loginmea_table1", 90, "umaea", "fb15k-db15k", 0.2, (0.533, 0.813, 0.633)),
        ("loginmea_table1", 90, "xgea", "fb15k-yago15k", 0.8, (0.705, 0.873, 0.768)),
        ("loginmea_table2", 36, "full", "dbp15k-zh-en", 0.3, (0.873, 0.978, 0.913)),
        ("loginmea_table2", 36, "umaea", "dbp15k-fr-en", 0.3, (0.822, 0.981, 0.884)),
    ],
)
def test_cells_are_the_papers(
    name: str, rows: int, variant: str, dataset: str, ratio: float, values: tuple[float, ...]
) -> None:
    table = suites.read(name)
    assert len(table.reference) == rows
    row = next(r for r in table.reference if (r.variant, r.dataset, r.seed_ratio) == (variant, dataset, ratio))
    assert tuple(row.values[metric] for metric in METRICS) == values


def test_what_a_paper_leaves_out_is_left_out() -> None:
    # HMEA has no MRR in print.
    rows = [row for row in suites.read("ibmea_table1").reference if row.variant == "hmea"]
    assert len(rows) == 6
    assert all(set(row.values) == {"hits_at_1", "hits_at_10"} for row in rows)


@pytest.mark.parametrize("name", [f"ibmea_figure{number}" for number in (3, 4, 5, 6)] + ["loginmea_figure5"])
def test_figures_without_printed_values_have_no_reference(name: str) -> None:
    assert not suites.read(name).reference


@pytest.mark.parametrize("name", ["ibmea_table1", "ibmea_table2", "loginmea_table1", "loginmea_table2"])
def test_every_row_of_a_paper_is_run_or_shown(name: str) -> None:
    table = suites.read(name)
    assert {"eva", "mclea", "meaformer"} <= set(table.methods)
    run, shown = {variant.id for variant in table.variants}, {row.id for row in table.published_only}
    assert {row.variant for row in table.reference} == run - {"paper"} | shown


def test_dbp15k_has_the_numbers_of_its_own_script() -> None:
    table = suites.read("ibmea_table2")
    assert table.composed(table.full) == ("ibmea", "code_dbp15k")
