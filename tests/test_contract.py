"""What every method, search space and suite must keep; found by themselves, so a new file is held to it at once.

That two workers are one has a file of its own: `tests/training/test_two_workers.py`.
"""

from importlib import import_module
from pkgutil import iter_modules

import pytest

from kgprism.platform.method import names
from kgprism.platform.studies.search.spaces import space
from kgprism.platform.studies.suites import suite
from kgprism.testing import CompositionContract, RunContract

#: Those of this repository: a plug-in's search spaces and suites lie in its own package.
SHIPPED = {module.name for module in iter_modules(import_module("kgprism.methods").__path__)}
#: What parts need that the defaults of their method do not have, or toy data do not.
NEEDS = {("negatives", "mmrns"): {"modalities": ["image", "text"]}, ("pool", "4"): {"pool": 0}}
#: What keeps a method from drawing samples, by row, while it is judged.
STILL = {"ibmea": {"evaluation": "mean"}}


class TestComposition(CompositionContract):
    methods = names()
    needs = NEEDS
    still = STILL


@pytest.mark.slow
class TestRuns(RunContract):
    methods = names()
    needs = NEEDS


def test_every_shipped_method_comes_with_a_search_space_and_a_suite() -> None:
    assert {space.read(word).method for word in space.space_names()} == SHIPPED
    assert {method for word in suite.suite_names() for method in suite.read(word).methods} == SHIPPED


@pytest.mark.parametrize("name", space.space_names())
def test_every_search_space_names_existing_keys(name: str) -> None:
    found = space.read(name)
    assert found.space == name
    assert found.points(), "the published settings come first"


@pytest.mark.parametrize("name", suite.suite_names())
def test_every_suite_names_existing_keys(name: str) -> None:
    found = suite.read(name)
    assert found.suite == name
    assert len(found.variants) > 1
