"""In what two runs differ."""

from dataclasses import replace

from kgprism.platform.studies.store.comparison import Difference, differences, metrics
from kgprism.platform.studies.store.record import Record


def test_every_part_is_compared(made: Record) -> None:
    assert differences(made, made) == []
    changed = dict(made.configuration) | {"train.epochs": 5, "more": None}
    code, packages = {**made.code, "digest": "other"}, {**made.packages, "torch": "0.1"}
    other = replace(made, seed=2, configuration=changed, code=code, packages=packages, fingerprint="f")
    assert differences(made, other) == [
        Difference("run", "seed", 1, 2),
        Difference("settings", "more", None, None),
        Difference("settings", "train.epochs", 2, 5),
        Difference("data", "fingerprint", made.fingerprint, "f"),
        Difference("code", "digest", made.code["digest"], "other"),
        Difference("packages", "torch", made.packages["torch"], "0.1"),
    ]


def test_numbers_that_both_have(made: Record) -> None:
    other = replace(made, selections={"last": {"epoch": 1, "metrics": {"test/l2r/mrr": 0.5}}})
    assert metrics(made, other, "last") == {"test/l2r/mrr": (made.metric("last", "test/l2r/mrr"), 0.5)}
    assert metrics(made, other, "valid") == {}
