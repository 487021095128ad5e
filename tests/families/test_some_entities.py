"""Every alignment method encodes some entities as it encodes all: the same rows, whatever is drawn on the way."""

from typing import Any

import pytest
import torch

from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.configuration import flatten, resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.method import Alignment, load, names

METHODS = [name for name in names() if load(name).task == "alignment"]
NOISE = ["none", "masking", "gaussian", "dropout"]
#: Of both graphs; the first and the last one, and stretches without any.
SOME = torch.tensor([0, 3, 4, 129, 433, 440, 441, 700, 879])


@pytest.fixture(scope="module")
def graphs():
    return toy.aligned()


def built(graphs, name: str, **overrides: Any) -> Alignment:
    method = load(name)
    narrow = {key: 12 for key in flatten(resolve(method.Config)) if key.endswith("width")}
    config = resolve(method.Config, narrow, overrides)
    made = method(config, join(graphs, config.data, 0, config.modalities), 0)
    made.start_epoch(1)
    return made


@pytest.mark.parametrize("training", [True, False], ids=["training", "judging"])
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("name", METHODS)
def test_views_of_some_entities_are_rows_of_those_of_all(
    graphs, name: str, noise: str, training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgprism.platform.families.interacting_alignment.ROWS", 128)
    method = built(graphs, name, noise=noise).train(training)
    with torch.no_grad():
        torch.manual_seed(3)
        every = method.encode()
        torch.manual_seed(3)
        some = method.encode_some(SOME)
    if some is None:
        pytest.skip("encodes all")
    assert some.keys() == every.keys()
    for view, rows in some.items():
        wanted = every[view] if view == "reconstruction" else every[view][SOME]
        torch.testing.assert_close(rows, wanted, rtol=1e-4, atol=1e-5, msg=lambda told, view=view: f"{view}: {told}")


@pytest.mark.parametrize("name", METHODS)
def test_a_step_has_the_losses_of_the_whole_encoding(graphs, name: str) -> None:
    method = built(graphs, name)
    left = torch.tensor([5, 3, 200, 3])
    slices = (Pairs(left, left + 440), Pairs(left[:2] + 9, left[:2] + 500))
    batch = Batch(slices, seed=4)
    torch.manual_seed(3)
    found = method(batch)
    method.encode_some = lambda entities: None  # type: ignore[method-assign]
    torch.manual_seed(3)
    expected = method(batch)
    assert found.keys() == expected.keys()
    for term, loss in found.items():
        torch.testing.assert_close(loss, expected[term], rtol=1e-5, atol=1e-5)


def test_a_batch_is_told_by_places_among_its_entities() -> None:
    slices = (Pairs(torch.tensor([7, 2]), torch.tensor([9, 9])), Pairs(torch.tensor([2]), torch.tensor([11]), 1, 3))
    entities, places = Batch(slices).compact()
    assert entities.tolist() == [2, 7, 9, 11]
    assert [part.left.tolist() for part in places] == [[1, 0], [0]]
    assert [part.right.tolist() for part in places] == [[2, 2], [3]]
    assert (places[1].worker, places[1].workers) == (1, 3)
