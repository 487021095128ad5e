"""Which methods a contract is about, and how pytest learns of it."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from kgprism.platform.testing.variants import Needs, Variant, variants


class Contract:
    """What all contracts share: which methods they are about, and in which forms a test is asked about them.

    A test that takes ``method`` is asked about each name, one that takes ``variant`` about each way to build it, one
    that takes ``preset`` about each preset.
    """

    methods: ClassVar[Sequence[str]] = ()
    #: (key, word) -> what else must be set for it to be built on the data of the tests.
    needs: ClassVar[Needs] = {}
    #: Method -> what keeps it from drawing samples, by row, while it is judged.
    still: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @classmethod
    def asked(cls, word: str) -> list[Any]:
        """Return what a test gets for this argument, one after the other."""
        if word == "method":
            return list(cls.methods)
        own: Any = cls  # mypy takes no class for a key
        found = [variant for name in cls.methods for variant in built(name, own)]
        return [variant for variant in found if word == "variant" or variant.preset]

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Let pytest ask each test about every method, variant or preset."""
        for word in ("method", "variant", "preset"):
            if word in metafunc.fixturenames:
                metafunc.parametrize(word, self.asked(word), ids=str)


@cache
def built(method: str, contract: Any) -> tuple[Variant, ...]:
    """Return the variants of a method, found once for all tests of a class."""
    return tuple(variants(method, contract.needs))
