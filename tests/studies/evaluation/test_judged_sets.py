"""Stored weights are judged, and pairs parted, by the vectors that their run has read."""

import pytest

from kgprism.platform import notebook
from kgprism.platform.data.catalogue import set_upkeep, toy
from kgprism.platform.errors import DataError, RunError
from kgprism.platform.studies.evaluation.judging import judged
from kgprism.platform.studies.reports.breakdown import by_similarity

CLIP = {"modalities": ["image"], "train.epochs": 1, "eval.every": 1, "data.image": "clip"}


def test_weights_are_judged_with_the_set_that_made_them(put_set) -> None:
    graphs = toy.aligned()
    put_set(graphs, "image", "clip", 1)
    record = notebook.train("eva", "toy", overrides=CLIP)
    again = judged(record, toy.aligned(), {}).metrics["l2r/mrr"]
    assert again == pytest.approx(record.metric("valid", "test/l2r/mrr"), abs=1e-6)
    bands = {band.band: band.pairs for band in by_similarity(record, graphs, "valid")}
    clip = set(range(0, 440, 2))
    own = by_similarity(notebook.train("eva", "toy", overrides=CLIP | {"data.image": "published"}), graphs, "valid")
    assert bands["both have one"] < {band.band: band.pairs for band in own}["both have one"]
    assert bands["both have one"] <= sum(left in clip and right in clip for left, right in graphs.pairs.tolist())
    put_set(graphs, "image", "clip", 2)
    with pytest.raises(RunError, match="is not what run"):
        judged(record, graphs, {})
    set_upkeep.remove("toy:image.clip")
    with pytest.raises(DataError, match="toy has no image features 'clip'"):
        judged(record, graphs, {})
