"""Which settings were read."""

from kgprism.platform.configuration import flatten
from kgprism.platform.method import load
from kgprism.platform.training.watched import watched


def test_what_is_read_is_noted_by_its_dotted_key_and_nothing_else_is() -> None:
    settings = load("loginmea").Config()
    copy, read = watched(settings)
    assert read == set()
    assert copy.fusion.kind == settings.fusion.kind
    assert copy.train.epochs == settings.train.epochs
    assert read == {"fusion", "fusion.kind", "train", "train.epochs"}


def test_a_copy_is_of_the_same_classes_and_the_settings_stay_what_they_were() -> None:
    settings = load("loginmea").Config()
    copy, _ = watched(settings)
    assert isinstance(copy, type(settings))
    assert isinstance(copy.fusion, type(settings.fusion))
    assert type(settings) is load("loginmea").Config
    assert flatten(copy) == flatten(settings)
