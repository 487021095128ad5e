"""All that every method must keep, as one class of tests."""

from kgprism.platform.testing.composition import CompositionContract
from kgprism.platform.testing.runs import RunContract
from kgprism.platform.testing.two_workers import TwoWorkersContract


class MethodContract(CompositionContract, TwoWorkersContract, RunContract):
    """Derive a test class from it and name the methods: ``class TestX(MethodContract): methods = ("x",)``."""
