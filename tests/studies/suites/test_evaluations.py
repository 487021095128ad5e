"""Rows that are judged again: their names, and what is refused where it stands."""

from pathlib import Path

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.evaluations import rows_again
from kgprism.platform.studies.suites.protocol import Protocol
from kgprism.platform.studies.suites.suite import Suite

COSINE = "{id: cosine, label: w/o CSLS, set: {eval.csls_k: 0}}"


def read(text: str, tmp_path: Path, *evaluations: str) -> Suite:
    listed = "".join(f"  - {one}\n" for one in evaluations)
    (tmp_path / "small.yaml").write_text(f"{text}evaluations:\n{listed}")
    return suites.read(str(tmp_path / "small.yaml"))


def names(suite: Suite) -> list[str]:
    return [again.row.id for again in rows_again(suite.variants, suite.evaluations)]


def test_every_row_is_judged_again_or_those_that_are_named(text: str, tmp_path: Path) -> None:
    suite = read(text, tmp_path, COSINE, "{id: lucky, ties: optimistic, direction: mean, of: [sum]}")
    assert names(suite) == ["whole-cosine", "sum-cosine", "sum-lucky", "blind-cosine"]
    again = rows_again(suite.variants, suite.evaluations)
    assert (again[2].row.title, again[2].row.group) == ("w/o Low-rank_50%, lucky", "fusion")
    found = again[2].evaluation.changed(Protocol("last", "l2r"))
    assert (found.select, found.direction, found.ties) == ("last", "mean", "optimistic")


def test_rows_that_are_dropped_are_not_judged_again(text: str, tmp_path: Path) -> None:
    suite = read(f"{text}drop: [sum]\n", tmp_path, COSINE, "{id: lucky, ties: optimistic, of: [sum]}")
    assert names(suite) == ["whole-cosine", "blind-cosine"]


def test_another_suite_changes_them_by_name_and_has_numbers_for_them(text: str, tmp_path: Path) -> None:
    read(text, tmp_path, COSINE)
    (tmp_path / "other.yaml").write_text(
        "schema: 1\nsuite: other\nextends: ./small.yaml\nevaluations:\n  - {id: cosine, of: [whole]}\n"
        "reference:\n  - {variant: whole-cosine, dataset: toy, seed_ratio: 0.2, values: {mrr: 0.5}}\n"
    )
    other = suites.read(str(tmp_path / "other.yaml"))
    assert names(other) == ["whole-cosine"]
    assert other.evaluations[0].set == {"eval.csls_k": 0}


@pytest.mark.parametrize(
    ("evaluation", "column", "message"),
    [
        (
            "{id: cosine, set: {eval.cslsk: 0}}",
            24,
            r"eval.cslsk is no .*\(did you mean 'eval.csls_k'\?\)",
        ),
        ("{id: long, set: {train.epochs: 9}}", 22, "train.epochs is no judge's alone: what is stored can be judged"),
        ("{id: cosine, set: {eval.csls_k: -1}}", 24, "eval.csls_k: Input should be greater than or equal to 0"),
        ("{id: cosine, set: {eval.csls_k: 0}, of: [hwole]}", 46, r"unknown variant 'hwole' \(did you mean 'whole'\?\)"),
        ("{id: tail, direction: tail}", 16, "evaluations.direction: loginmea is measured by l2r, r2l, mean"),
        ("{id: nothing}", 5, "expected set, ties or direction"),
        ("{id: lucky, ties: best}", 17, "ties: Input should be 'realistic' or 'optimistic', got 'best'"),
    ],
)
def test_what_cannot_be_judged_again_is_refused_where_it_stands(
    text: str, tmp_path: Path, evaluation: str, column: int, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"small.yaml:31:{column}: .*{message}"):
        read(text, tmp_path, evaluation)


def test_a_name_that_is_there_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"small.yaml:32:6: evaluation 'cosine' is there twice"):
        read(text, tmp_path, COSINE, COSINE)
    taken = text.replace("id: sum,", "id: whole-cosine,").replace("variant: sum,", "variant: whole-cosine,")
    with pytest.raises(ConfigurationError, match=r"small.yaml:31:6: variant 'whole-cosine' is there twice"):
        read(taken, tmp_path, COSINE)
