"""Rows that are made: which there are, what they change, and where a mistake in them is told."""

from pathlib import Path
from typing import Any

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.generated import row_names
from kgprism.platform.studies.suites.reading.shelf import outline
from kgprism.platform.studies.suites.suite import Suite

HEAD = """\
schema: 1
suite: made
method: loginmea
grid: {dataset: [toy]}
variants:
- {id: full, preset: code, override: {modal_width: 8}}
toggles:
- {name: image, label: images, out: {modalities: [attribute, relation]}}
- {name: relation, out: {modalities: [image, attribute]}}
- {name: rank, label: low rank, out: {fusion: sum}}
- {name: gcn, label: a GCN, in: {propagation: pyg}}
"""
THREE = ["image", "attribute", "relation"]


def made(tmp_path: Path, generate: str, more: str = "") -> Suite:
    (tmp_path / "made.yaml").write_text(f"{HEAD}generate:\n- {generate}\n{more}")
    return suites.read(str(tmp_path / "made.yaml"))


def rows(suite: Suite) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return id -> label and what a row changes, of all rows behind the full one, which they share the rest with."""
    first, *others = suite.variants
    assert first.id == "full"
    assert all((row.method, row.preset, row.override["modal_width"]) == ("", "code", 8) for row in others)
    return {row.id: (row.label, {k: v for k, v in row.override.items() if k != "modal_width"}) for row in others}


def test_leave_one_out_takes_out_each_part_that_is_in(tmp_path: Path) -> None:
    suite = made(tmp_path, "{leave_one_out: all, group: parts}")
    assert rows(suite) == {
        "no-image": ("w/o images", {"modalities": ["attribute", "relation"]}),
        "no-relation": ("w/o relation", {"modalities": ["image", "attribute"]}),
        "no-rank": ("w/o low rank", {"fusion": "sum"}),
    }
    assert {row.group for row in suite.variants[1:]} == {"parts"}
    assert list(rows(made(tmp_path, "{leave_one_out: [rank]}"))) == ["no-rank"]


def test_add_one_in_starts_from_none(tmp_path: Path) -> None:
    found = rows(made(tmp_path, "{add_one_in: [image, rank, gcn]}"))
    without = {"modalities": ["attribute", "relation"], "fusion": "sum"}
    assert found == {
        "bare": ("w/o images, low rank", without),
        "only-image": ("only images", {"fusion": "sum"}),
        "only-rank": ("only low rank", {"modalities": ["attribute", "relation"]}),
        "only-gcn": ("only a GCN", {**without, "propagation": "pyg"}),
    }


def test_all_subsets_are_all_up_to_a_size(tmp_path: Path) -> None:
    found = rows(made(tmp_path, "{all_subsets: {max: 2}}"))
    assert len(found) == 4 + 6
    assert found["no-image-no-relation"] == ("w/o images, relation", {"modalities": ["attribute"]})
    assert found["no-rank-with-gcn"] == ("w/o low rank, with a GCN", {"fusion": "sum", "propagation": "pyg"})
    assert len(rows(made(tmp_path, "{all_subsets: {max: 9, of: [image, rank, gcn]}}"))) == 2**3 - 1


def test_rows_that_switch_the_same_parts_are_one(tmp_path: Path) -> None:
    found = rows(made(tmp_path, "{leave_one_out: all}\n- {all_subsets: {max: 1}}\n- {add_one_in: [image, rank]}"))
    assert list(found) == ["no-image", "no-relation", "no-rank", "with-gcn", "bare"]


def test_there_is_no_bare_row_where_nothing_would_be_left(tmp_path: Path) -> None:
    more = "toggles:\n- {name: i, out: {modalities: [relation]}}\n- {name: r, out: {modalities: [image]}}\n"
    (tmp_path / "made.yaml").write_text(
        HEAD.partition("toggles:")[0].replace("{modal_width: 8}", "{modal_width: 8, modalities: [image, relation]}")
        + more
        + "generate: [{add_one_in: all}]\n"
    )
    found = suites.read(str(tmp_path / "made.yaml")).variants[1:]
    assert {row.id: row.override["modalities"] for row in found} == {"only-i": ["image"], "only-r": ["relation"]}


def test_a_sweep_is_a_row_a_value(tmp_path: Path) -> None:
    key = "{sweep: {key: fusion.rank, values: [2, 4], label: 'rank {value}'}}"
    assert rows(made(tmp_path, key)) == {
        "rank-2": ("rank 2", {"fusion.rank": 2}),
        "rank-4": ("rank 4", {"fusion.rank": 4}),
    }
    lists = "{sweep: {key: modalities, values: [[image], [image, relation]]}}"
    assert list(rows(made(tmp_path, lists))) == ["modalities-image", "modalities-image-relation"]
    times = "{sweep: {key: train.epochs, values: [{times: 0.5}]}}"
    assert rows(made(tmp_path, times)) == {"epochs-times-0.5": ("epochs = times 0.5", {"train.epochs": {"times": 0.5}})}


def test_made_rows_can_be_dropped_have_numbers_and_settings_of_their_own(tmp_path: Path) -> None:
    more = "reference: [{variant: no-rank, dataset: toy, values: {mrr: 0.5}}]\ndrop: [no-image]\n"
    suite = made(tmp_path, "{leave_one_out: all}", more)
    assert list(rows(suite)) == ["no-relation", "no-rank"]
    assert suite.reference[0].variant == "no-rank"
    assert (suite.generate, suite.drop) == ((), ())  # as if the rows had been written down
    assert Suite.model_validate(suite.model_dump(mode="json", by_alias=True)) == suite


@pytest.mark.parametrize(
    ("generate", "more", "place", "message"),
    [
        ("{leave_one_out: [imag]}", "", "13:20", "unknown toggle 'imag' (did you mean 'image'?)"),
        ("{leave_one_out: [rank, rank]}", "", "13:26", "toggle 'rank' is there twice"),
        ("{leave_one_out: [gcn]}", "", "13:20", "toggle 'gcn' is not in the full method"),
        ("{leave_one_out: al}", "", "13:4", "generate.0.leave_one_out: "),
        ("{all_subsets: {max: 0}}", "", "13:18", "greater than or equal to 1"),
        ("{all_subsets: {max: true}}", "", "13:18", "max: expected a number, got True"),
        ("{leave_one_out: all, add_one_in: all}", "", "13:3", "expected exactly one of leave_one_out, add_one_in"),
        ("{group: a}", "", "13:3", "expected exactly one of"),
        ("{sweep: {key: fusion.rnk, values: [4]}}", "", "13:38", "unknown key 'fusion.rnk' (did you mean"),
        (
            "{sweep: {key: fusion.rank, values: [4, 8]}}",
            "",
            "13:42",
            "'rank-8' changes nothing: it is the same as 'full'",
        ),
        ("{sweep: {key: fusion.rank, values: [4, 4]}}", "", "13:42", "variant 'rank-4' is there twice"),
        ("{sweep: {key: fusion.rank, values: []}}", "", "13:30", "at least 1 item"),
        ("{sweep: {key: a.b, values: [" + 60 * "x" + "]}}", "", "13:31", "is too long for a file's"),
        ("{leave_one_out: all}", "drop: [no-imag]\n", "14:8", "unknown variant 'no-imag' (did you mean 'no-image'?)"),
        ("{leave_one_out: all}", "drop: [full, no-image, no-relation, no-rank]", "14:1", "every row is dropped"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, generate: str, more: str, place: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        made(tmp_path, generate, more)
    assert str(caught.value).startswith(f"{tmp_path / 'made.yaml'}:{place}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("toggle", "generate", "place", "message"),
    [
        ("{name: image, out: {fusion: sum}}", "{leave_one_out: all}", "12:4", "toggle 'image' is there twice"),
        ("{name: x}", "{leave_one_out: all}", "12:3", "expected either what takes the part out, or what puts it in"),
        ("{name: x, out: {fusion: sun}}", "{leave_one_out: [x]}", "12:19", "unknown part 'sun' (did you mean 'sum'?)"),
        ("{name: x, out: {fusion: concat}}", "{all_subsets: {max: 2}}", "12:19", "'rank' and 'x' both set fusion"),
    ],
)
def test_a_toggle_that_cannot_be_is_told_with_its_place(
    tmp_path: Path, toggle: str, generate: str, place: str, message: str
) -> None:
    (tmp_path / "made.yaml").write_text(f"{HEAD}- {toggle}\ngenerate:\n- {generate}\n")
    with pytest.raises(ConfigurationError) as caught:
        suites.read(str(tmp_path / "made.yaml"))
    assert str(caught.value).startswith(f"{tmp_path / 'made.yaml'}:{place}: ")
    assert message in str(caught.value)


def test_more_rows_than_anybody_means_are_refused_at_once(tmp_path: Path) -> None:
    head = HEAD.partition("toggles:")[0]
    toggles = "".join(f"- {{name: t{n}, out: {{a.b{n}: 1}}}}\n" for n in range(60))
    (tmp_path / "made.yaml").write_text(f"{head}toggles:\n{toggles}generate:\n- {{all_subsets: {{max: 9}}}}\n")
    with pytest.raises(ConfigurationError, match=r"made.yaml:69:3: more than 1000 rows"):
        suites.read(str(tmp_path / "made.yaml"))


@pytest.mark.parametrize("generate", ["{all_subsets: {max: 2}}", "{sweep: {key: fusion.rank, values: [2]}}"])
def test_an_outline_knows_the_names_of_all_rows(tmp_path: Path, generate: str) -> None:
    suite = made(tmp_path, generate, "drop: [no-image]" if "all" in generate else "")
    assert row_names(outline(tmp_path / "made.yaml")) == [row.id for row in suite.variants]


def test_an_outline_that_is_wrong_has_the_rows_that_stand_there() -> None:
    wrong = [
        {},
        {"variants": [3, {"label": "x"}]},
        {"variants": 3, "drop": 3},
        {"generate": [{"leave_one_out": "all"}]},
    ]
    assert [row_names(about) for about in wrong] == [[], [], [], []]
    assert row_names({"variants": [{"id": "a"}], "generate": 3}) == ["a"]
    assert row_names({"variants": [{"id": "a"}], "generate": [{"leave_one_out": ["x"]}]}) == ["a"]
