"""What a completion method tells its sampler."""

import pytest
import torch

from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.training_graph import prepare
from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.method import load, names
from kgprism.platform.part import kind, slots

METHODS = [name for name in names() if issubclass(load(name), TripleModel)]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("overrides", [{}, {"fusion": "none"}], ids=["default", "no fusion"])
def test_the_modalities_that_a_sampler_is_told_are_those_that_it_sees(name, overrides):
    method = load(name)
    if "fusion" in overrides and "fusion" not in method.Config.model_fields:
        pytest.skip("nothing to fuse")
    config = resolve(method.Config, overrides)
    built = method(config, prepare(toy.completion(), config.data, 0, config.modalities), 0).eval()
    with torch.no_grad():
        assert tuple(built.view().modal) == built.modalities


@pytest.mark.parametrize("word", [kind(part) for part in slots(TripleModel.Config)["negatives"]])
def test_no_sampler_holds_the_scorer_or_a_table_of_the_method(word):
    config = resolve(TripleModel.Config, {"negatives": word, "modalities": ["image", "text"]})
    built = load("kge")(config, prepare(toy.completion(), config.data, 0, config.modalities), 0)
    assert built.scorer not in list(built.negatives.modules())
    own = {id(parameter) for parameter in built.negatives.parameters()}
    assert own.isdisjoint(id(table) for table in (built.entities.weight, built.relations.weight))
