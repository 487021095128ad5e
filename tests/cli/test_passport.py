"""``kgprism passport``."""

import json
from pathlib import Path

import pytest

from kgprism.platform.studies.passport import archive, checking
from kgprism.platform.studies.passport.archive import Passport, Stamp
from kgprism.platform.studies.passport.checking import Checked, Compared

STAMP = Stamp(variant="whole", dataset="toy", seed_ratio=0.2, seed=1, run="a")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("demos",), "unknown suite 'demos' (did you mean 'demo'?)"),
        (("demo",), "demo: no finished run: kgprism ablate demo"),
        (("demo", "x.zip"), "demo: FILE, --cell, --dataset and --seed belong behind `passport verify`"),
        (("verify",), "passport verify: which FILE?"),
        (("verify", "x.zip", "--preset", "code"), "passport verify: --output, --preset and --set belong to"),
        (("verify", "x.zip"), "x.zip: cannot be read: No such file or directory"),
        (("verify", "x.zip", "--cell", "full"), "x.zip: cannot be read: No such file or directory"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_one_line(kgprism, words: tuple[str, ...], told: str) -> None:
    called = kgprism("passport", *words)
    assert (called.code, called.out) == (2, "")
    assert told in called.err
    assert called.err.count("\n") == 1


def test_a_passport_is_shown(kgprism, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Passport(form=1, suite="tiny", made="2026-01-01", cells=(STAMP,), missing=(), sums={"a": "b"})
    monkeypatch.setattr(archive, "read", lambda file: found)
    assert "1 files are as they were packed" in kgprism("passport", "verify", "x.zip").out
    assert json.loads(kgprism("passport", "verify", "x.zip", "--json").out)["cells"][0]["variant"] == "whole"


@pytest.mark.parametrize(("here", "within", "code"), [(0.5, "0", 0), (0.501, "0.005", 0), (0.51, "0.005", 1)])
def test_numbers_too_far_apart_end_with_one(
    kgprism, monkeypatch: pytest.MonkeyPatch, here: float, within: str, code: int
) -> None:
    numbers = [Compared("valid", "test/l2r/mrr", 0.5, here), Compared("valid", "test/l2r/mr", 3.0, 9.0)]
    monkeypatch.setattr(checking, "verify", lambda file, row, **others: Checked(STAMP, numbers, []))
    called = kgprism("passport", "verify", str(Path("x.zip")), "--cell", "whole", "--within", within)
    assert called.code == code
    assert called.out.splitlines()[-1].startswith(
        "equal to" if here == 0.5 else "within" if code == 0 else "NOT within"
    )
