"""A search may draw which feature set is read, and a library call may choose one."""

from pathlib import Path

from kgprism.platform import notebook
from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.sweep import run_sweep
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.run import plan

SPACE = """\
schema: 1
space: pictures
method: eva
params:
  data.image: {type: choice, of: [published, clip, vit]}
search: {sampler: grid, trials: 3}
"""
SMALL = {"modalities": ["image"], "train.epochs": 1, "eval.every": 1, "eval.valid_ratio": 0.5}


def test_trials_differ_in_the_set_that_they_read(inline: None, tmp_path: Path, put_set) -> None:
    graphs, store = toy.aligned(), Store()
    put_set(graphs, "image", "clip", 1)
    put_set(graphs, "image", "vit", 2)
    (tmp_path / "pictures.yaml").write_text(SPACE)
    run_sweep(spaces.read(str(tmp_path / "pictures.yaml")), graphs, store=store, overrides=SMALL)
    records = {record.configuration["data.image"]: record for record in store}
    assert set(records) == {"published", "clip", "vit"}
    assert records["published"].fingerprint == graphs.fingerprint
    for name in ("clip", "vit"):
        assert records[name].fingerprint == plan("eva", graphs, 0, SMALL, {"data.image": name}).fingerprint


def test_a_library_call_trains_on_a_set_and_again_when_it_was_made_anew(put_set) -> None:
    graphs = toy.aligned()
    put_set(graphs, "image", "clip", 1)
    first = notebook.train("eva", "toy", overrides=SMALL | {"data.image": "clip"})
    assert notebook.train("eva", "toy", overrides=SMALL | {"data.image": "clip"}).id == first.id
    put_set(graphs, "image", "clip", 2)
    second = notebook.train("eva", "toy", overrides=SMALL | {"data.image": "clip"})
    assert second.id != first.id
    assert second.metric("last", "test/l2r/mrr") != first.metric("last", "test/l2r/mrr")
