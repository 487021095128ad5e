"""Contract tests for a method in a package of one's own; three lines in a test file hold it to them::

    from kgprism.testing import MethodContract

    class TestX(MethodContract):
        methods = ("x",)

pytest then asks every test about every preset of ``x``, every part in its slot, every modality alone, on small built-in
data: it builds and learns, relabelled entities change nothing, two workers are one, a seed gives the same numbers
twice, and a run that was cut off goes on as if nothing had happened. The classes that MethodContract is made of stand
alone too. ``needs`` says what a part needs besides: ``{("negatives", "mmrns"): {"modalities": ["image", "text"]}}``;
``still`` what keeps a method from drawing samples while it is judged: ``{"x": {"evaluation": "mean"}}``.
"""

from kgprism.platform.testing.composition import CompositionContract
from kgprism.platform.testing.contract import MethodContract
from kgprism.platform.testing.runs import RunContract
from kgprism.platform.testing.two_workers import TwoWorkersContract
from kgprism.platform.testing.variants import Variant

__all__ = ["CompositionContract", "MethodContract", "RunContract", "TwoWorkersContract", "Variant"]
