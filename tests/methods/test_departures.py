"""Where paper and released code disagree: every entry of the register (alignment specification, 8) is told and true."""

import re
from collections.abc import Iterator

import pytest

from kgprism.platform.method import load
from kgprism.platform.part import Settings, alternatives


def entries(letter: str, count: int) -> list[str]:
    return [f"{letter}{number}" for number in range(1, count + 1)]


#: N8 to N10 and N12 are about all methods that SNAG's tables show; MEAformer's own N8 is its M2.
REGISTER = {
    "simdiff": entries("S", 12),
    "snag_alignment": entries("N", 12),
    "ibmea": entries("I", 11),
    "loginmea": entries("L", 8),
    "eva": ["N8", "N9", "N12"],
    "mclea": ["N8", "N9", "N10", "N12"],
    "meaformer": [*entries("M", 8), "N9", "N12"],
}


def keys(config: type[Settings], prefix: str = "") -> Iterator[str]:
    """Yield every dotted key that some choice of parts has."""
    for name, field in config.model_fields.items():
        yield prefix + name
        for member in alternatives(field.annotation):
            yield from keys(member, f"{prefix}{name}.")


@pytest.mark.parametrize("name", REGISTER)
def test_every_entry_of_the_register_has_a_line(name: str) -> None:
    told = {word for line in load(name).departures for word in re.findall(r"^[SNILM]\d+\b", line)}
    assert told == set(REGISTER[name])


@pytest.mark.parametrize("name", REGISTER)
def test_settings_that_a_departure_names_are_there(name: str) -> None:
    known = {*keys(load(name).Config)}
    for line in load(name).departures:
        for key in re.findall(r"(?<![\w.])[a-z]\w*(?:\.[a-z]\w*)+(?!\w)", line):
            # `encoders.x` stands for any modality, and code is cited by its module.
            assert key.replace(".x", ".image") in known or key.startswith("kgprism."), (key, line)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("eva", "mclea", "simdiff", "loginmea"), ("a fifth", "in vain", "learning_rate_factor=1")),
        (("simdiff",), ("others in each of several steps",)),
        (("simdiff",), ("shares of absent modalities receive a gradient of some 1e-3",)),
        (tuple(REGISTER), ("equal counts at the cut of the 1000", "by label")),
        (("adamf",), ("softmax runs over the batch", "adversary.against=own")),
        (("dhns",), ("mode normal", "B x B")),
    ],
)
def test_what_was_found_later_is_told(names: tuple[str, ...], words: tuple[str, ...]) -> None:
    for name in names:
        assert any(all(word in line for word in words) for line in load(name).departures), (name, words)
