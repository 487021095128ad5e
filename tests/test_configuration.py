"""Dotted keys, choices of parts, errors that name the nearest word, identities."""

from typing import Literal

import pytest
from pydantic import Field

from kgprism.platform.configuration import digest, flatten, parse, resolve
from kgprism.platform.errors import ConfigurationError, nearest, nearest_key
from kgprism.platform.part import Nothing, Part, Settings, Slot, Stateless, keys


class Dropout(Part):
    kind: Literal["dropout"] = "dropout"
    rate: float = Field(0.5, ge=0, lt=1)


class LowRank(Part):
    kind: Literal["low_rank"] = "low_rank"
    rank: int = Field(8, ge=1)
    noise: Slot[Dropout | Nothing] = Nothing()


class Concat(Part):
    kind: Literal["concat"] = "concat"
    width: int = 3


class Train(Settings):
    epochs: int = Field(10, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    device: Stateless[str] = "auto"
    plain: bool = False


class Tree(Settings):
    fusion: Slot[LowRank | Concat | Nothing] = LowRank()
    train: Train = Train()
    members: frozenset[str] = frozenset({"image", "relation", "text"})
    word: str = "on"


def refused(*layers: dict[str, object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        resolve(Tree, *layers, source="file.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_later_layers_win() -> None:
    found = resolve(Tree, {"train.epochs": 5, "fusion.rank": 2}, {"train.epochs": 7})
    assert found == Tree(train=Train(epochs=7), fusion=LowRank(rank=2))


def test_choosing_a_part_forgets_the_old_parts_keys() -> None:
    assert resolve(Tree, {"fusion.rank": 2}, {"fusion": "concat"}).fusion == Concat()
    assert resolve(Tree, {"fusion.rank": 2}, {"fusion.kind": "concat"}, {"fusion": "low_rank"}).fusion == LowRank()


def test_choosing_the_part_that_is_there_keeps_its_keys() -> None:
    assert resolve(Tree, {"fusion.rank": 2}, {"fusion": "low_rank"}).fusion == LowRank(rank=2)


@pytest.mark.parametrize(
    "layer",
    [
        {"fusion.noise.rate": 0.1, "fusion.noise.kind": "dropout", "fusion": "low_rank"},
        {"fusion.noise.rate": 0.1, "fusion.noise": "dropout", "fusion.kind": "low_rank"},
        {"fusion": {"noise": {"rate": 0.1, "kind": "dropout"}, "kind": "low_rank"}},
    ],
)
def test_order_of_keys_does_not_matter(layer: dict[str, object]) -> None:
    found = resolve(Tree, {"fusion": "concat"}, layer)
    assert found.fusion == LowRank(noise=Dropout(rate=0.1))


def test_unknown_keys_name_the_source_and_the_nearest_key() -> None:
    assert refused({"train.epoch": 5}) == "file.yaml: unknown key 'train.epoch' (did you mean 'train.epochs'?)"
    assert "(did you mean 'fusion.rank'?)" in refused({"fusoin.rank": 5})
    assert "(did you mean 'fusion.rank'?)" in refused({"fusion.rnk": 5})
    assert "train.epochs.more" in refused({"train.epochs.more": 5})


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("epochs", "'train.epochs'"),
        ("train.lr", "'train.learning_rate'"),
        ("lr", "'train.learning_rate'"),
        ("learning_rte", "'train.learning_rate'"),
        ("rank", "'fusion.rank'"),
        ("noise", "'fusion.noise'"),
        ("rate", "'fusion.noise.rate'"),
        ("loss.rank", "'fusion.rank'"),
    ],
)
def test_an_unknown_key_is_answered_with_the_whole_key_whose_last_part_is_nearest(key: str, told: str) -> None:
    assert refused({key: 5}) == f"file.yaml: unknown key '{key}' (did you mean {told}?)"


def test_of_several_keys_with_one_last_part_those_of_the_same_place_are_told_else_all() -> None:
    known = ["a.temperature", "b.c.temperature", "b.width"]
    assert nearest_key("temperature", known) == " (did you mean 'a.temperature' or 'b.c.temperature'?)"
    assert nearest_key("tau", known) == nearest_key("temperature", known)
    assert nearest_key("b.c.tau", known) == " (did you mean 'b.c.temperature'?)"
    assert nearest_key("temperature", ["b.width"], known) == nearest_key("temperature", known)
    assert nearest_key("fusoin", ["fusion.kind", "b.width"]) == " (did you mean 'fusion'?)"
    assert nearest_key("w", [f"part{n}.w" for n in range(9)]).endswith("'part4.w', 'part5.w', ...?)")


def test_keys_hold_those_of_every_part() -> None:
    inside = ["fusion", "fusion.rank", "fusion.noise", "fusion.noise.rate", "fusion.width"]
    assert keys(Tree) == [*inside, *(f"train.{name}" for name in Train.model_fields), "members", "word"]


def test_a_key_of_a_part_that_is_not_there_names_the_parts_that_have_it() -> None:
    told = "file.yaml: unknown key 'fusion.rank': fusion=concat has no rank; low_rank has"
    assert refused({"fusion": "concat", "fusion.rank": 4}) == told


@pytest.mark.parametrize("word", ["concta", "off", None, 3, True])
def test_unknown_parts_name_the_known_ones(word: object) -> None:
    told = refused({"fusion": word})
    assert f"fusion: unknown part '{word}'" in told
    assert "did you mean" in told or "known: concat" in told


def test_values_out_of_range_name_their_key_and_the_value() -> None:
    assert refused({"train.epochs": 0}).startswith("file.yaml: train.epochs: ")
    assert refused({"train.epochs": 0}).endswith("got 0")
    assert refused({"fusion.rank": 0}).startswith("file.yaml: fusion.rank: ")
    assert "train.learning_rate" in refused({"train.learning_rate": float("nan")})
    assert "train.epochs" in refused({"train.epochs": "many"})


def test_flat_view_and_tree_are_the_same() -> None:
    tree = resolve(Tree, {"fusion.noise": "dropout", "members": ["text"], "train.epochs": 3})
    assert resolve(Tree, flatten(tree)) == tree
    assert flatten(tree)["fusion.noise.rate"] == 0.5


def test_identity_knows_no_order_of_a_set_and_no_stateless_key() -> None:
    first = resolve(Tree, {"members": ["image", "text"], "train.device": "cpu"})
    second = resolve(Tree, {"members": ["text", "image"], "train.device": "cuda:1"})
    third = resolve(Tree, {"members": ["text"]})
    identities = [digest(flatten(tree, stateless=False)) for tree in (first, second, third)]
    assert identities[0] == identities[1] != identities[2]
    assert "train.device" not in flatten(first, stateless=False)
    assert flatten(first)["train.device"] == "cpu"


def test_identity_is_the_same_on_every_machine() -> None:
    # blake2b of the canonical JSON text, by hand: printf '[{"a":1}]' | b2sum -l 64
    assert digest({"a": 1}) == "814e2c3f3d6949d8"
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_words_are_read_as_yaml_1_2() -> None:
    read = parse(["train.learning_rate=1e-3", "word=off", "n=5", "members=[image, text]", "a=no", "b=true", "c= x=y"])
    assert read == {
        **{"train.learning_rate": 0.001, "word": "off", "n": 5, "members": ["image", "text"]},
        **{"a": "no", "b": True, "c": "x=y"},
    }
    assert resolve(Tree, {"word": read["word"]}).word == "off"


@pytest.mark.parametrize(
    "word",
    [
        "train.epochs",
        "=5",
        "a=[1",
        "a=!!int abc",
        "a=%YAML 1.9",
        "a=" + "[" * 3000,
        'a="\\',
        "a=\0",
        "a=&x [*x]",
        "\n=\n[",
    ],
)
def test_what_is_no_key_and_value_is_refused(word: str) -> None:
    with pytest.raises(ConfigurationError, match="--set: ") as caught:
        parse([word])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_date_is_a_word_even_where_there_is_no_such_day() -> None:
    assert parse(["word=2024-13-45", "other=2024-01-01"]) == {"word": "2024-13-45", "other": "2024-01-01"}


@pytest.mark.parametrize("word", [[1], {"a": 1}, {"kind": [1]}, {"kind": {"a": 1}}, ["concat"]])
def test_the_kind_of_a_part_is_a_word(word: object) -> None:
    assert refused({"fusion.kind": word}).startswith("file.yaml: fusion.kind: unknown part ")
    assert refused({"fusion": word}).startswith("file.yaml: ")


@pytest.mark.parametrize("word", ["1e3", "1000", "1000.0", "1_000", "'1000'"])
def test_a_number_may_be_written_in_several_ways(word: str) -> None:
    found = resolve(Tree, parse([f"train.epochs={word}"]))
    assert found.train.epochs == 1000
    assert type(found.train.epochs) is int


def test_true_is_no_number() -> None:
    assert refused({"train.epochs": True}) == "file.yaml: train.epochs: expected a number, got True"
    assert refused({"train": {"learning_rate": True}}) == "file.yaml: train.learning_rate: expected a number, got True"
    assert resolve(Tree, {"train.plain": True}).train.plain is True


@pytest.mark.parametrize("word", [2**63, float("inf"), 1e400, -(2**70)])
def test_numbers_are_finite_and_of_64_bits(word: float) -> None:
    assert refused({"train.epochs": word}).startswith("file.yaml: train.epochs: ")
    assert "finite" in refused({"train.learning_rate": float("inf")})


def test_keys_are_words_and_errors_are_short() -> None:
    assert refused({5: 1}) == "file.yaml: expected a word as a key, got 5"  # type: ignore[dict-item]
    assert refused({"train": {None: 1}}) == "file.yaml: expected a word as a key, got None"
    assert len(refused({"x" * 10_000: 1})) < 300
    assert len(refused({"train.epochs": "x" * 10_000})) < 300


def test_nearest_word_or_the_few_known_ones_or_nothing() -> None:
    assert nearest("fusoin", ["fusion", "loss"]) == " (did you mean 'fusion'?)"
    assert nearest("zzz", ["b", "a"]) == " (known: a, b)"
    assert nearest("zzz", [f"word{n}" for n in range(13)]) == ""
    assert nearest("zzz", []) == ""
