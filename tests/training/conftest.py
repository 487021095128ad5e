"""Every method, its presets and its parts, in small: what tests of `variant` are held against."""

from typing import Any

import pytest

from kgprism.platform.method import names
from kgprism.platform.testing.variants import variants

#: What a part needs that the defaults of its method do not have, or toy data do not.
NEEDS = {
    ("negatives", "mmrns"): {"modalities": ["image", "text"]},
    ("pool", "4"): {"pool": 0},
}
#: What must be left out of the only variants of which two workers are not one: where a fusion with dropout takes
#: generated vectors, which are no entities, a worker draws masks for its own rows of them only.
APART = {"snag_completion": {("negatives", "generated"): {"fusion.dropout": 0.0}}}


def cases() -> list[Any]:
    """Return every method that can be built once; those that are no presets take longer and are marked slow."""
    found = [one for name in names() for one in variants(name, NEEDS | APART.get(name, {}), modalities=False)]
    return [pytest.param(one, id=str(one), marks=() if one.preset else pytest.mark.slow) for one in found]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a `variant` once for each."""
    if "variant" in metafunc.fixturenames:
        metafunc.parametrize("variant", cases())
