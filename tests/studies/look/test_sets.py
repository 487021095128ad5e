"""Which sets of vectors a dataset has."""

import numpy as np
import torch

from kgprism.platform.data.catalogue import feature_sets, toy
from kgprism.platform.data.catalogue.feature_sets import Header
from kgprism.platform.data.graph import AlignedGraphs, Features
from kgprism.platform.data.inputs.features import join
from kgprism.platform.settings import AlignmentData
from kgprism.platform.studies.look.sets import vector_sets


def test_letters_are_those_that_methods_get() -> None:
    graphs = toy.aligned()
    joint = join(graphs, AlignmentData(), 0, {"char"})
    (char,) = (one for one in vector_sets(graphs)[0] if one.name == "char")
    for shift, side in zip((0, len(graphs.left.entities)), char.known, strict=True):
        rows = side.entities + shift
        assert joint.present["char"][rows].all()
        mine = torch.nn.functional.normalize(torch.from_numpy(side.values), dim=1)
        assert torch.equal(mine, joint.features["char"][rows])
    assert sum(len(side.entities) for side in char.known) == int(joint.present["char"].sum())


def test_stored_sets_stand_beside_the_datasets_own_and_tell_what_made_them() -> None:
    graphs = toy.aligned()
    made = {side: Features(np.arange(3), np.eye(3, dtype=np.float16)) for side in ("kg1", "kg2")}
    header = Header("timm:vit", "f" * 64, "timm 1.0", "224 x 224", "mean", {"kg1": {"pictures": 3}, "kg2": {}})
    feature_sets.store(graphs, "image", "vit", made, header)
    found, refused = vector_sets(graphs)
    assert [one.name for one in found] == ["image", "image:vit", "text", "name", "char"]
    assert refused == []
    told = dict(found[1].header)
    assert (told["encoder"], told["weights"], told["left"]) == ("timm:vit", "f" * 12, "3 pictures")
    assert np.array_equal(found[1].sides[0].values, made["kg1"].values)


def test_a_damaged_set_is_told_and_the_others_are_shown() -> None:
    graphs = toy.aligned()
    made = {side: Features(np.arange(3), np.eye(3, dtype=np.float16)) for side in ("kg1", "kg2")}
    file = feature_sets.store(graphs, "text", "mini", made, Header("mini"))[0]
    file.write_bytes(file.read_bytes()[:-4] + b"nope")
    found, refused = vector_sets(graphs)
    assert "text:mini" not in [one.name for one in found]
    assert len(refused) == 1
    assert "mini" in refused[0]


def test_one_sided_and_completion(odd: AlignedGraphs) -> None:
    (image, char), _ = vector_sets(odd)
    assert (image.sides[1], image.trouble) == (None, "only one graph has vectors")
    assert len(image.known[0].entities) == 7
    assert (char.name, char.trouble) == ("char", "")
    assert [one.name for one in vector_sets(toy.completion())[0]] == ["image", "text"]
