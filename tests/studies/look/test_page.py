"""What stands on the page: numbers, entities, pictures, nothing from elsewhere; whatever the names are."""

import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from kgprism.platform.data.catalogue import datasets, feature_sets, toy
from kgprism.platform.data.catalogue.feature_sets import Header
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Features, MultiModalGraph
from kgprism.platform.studies.look.look import look
from kgprism.platform.studies.look.page import page, percent, share, short, tail


class Seen(HTMLParser):
    """Elements, each of which is closed where it should be, and addresses that a browser would ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asked: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open += [tag] if tag not in ("meta", "img") else []
        self.asked += [value or "" for key, value in attrs if key in ("src", "srcset", "href", "data", "action")]


def text_of(drawn: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", drawn))


@pytest.mark.parametrize("name", ["toy", "toy-completion"])
def test_the_page_asks_for_nothing_and_is_the_same_each_time(name: str) -> None:
    dataset = datasets.load(name)
    drawn = page(look(dataset, sample=3))
    seen = Seen(drawn)
    assert "script" not in seen.tags
    assert {one[:1] for one in seen.asked} == {"#"}
    assert not re.findall(r"url\(|@import", drawn)
    assert set(re.findall(r'href="#(\w+)"', drawn)) <= set(re.findall(r'id="(\w+)"', drawn))
    assert drawn == page(look(dataset, sample=3))
    assert drawn != page(look(dataset, sample=3, seed=1))


def test_the_pages_numbers_are_the_looks() -> None:
    found = look(toy.aligned(), sample=2)
    text = text_of(page(found))
    for one in found.untrained.found:
        numbers = (one.there.hits_at_1, one.there.hits_at_10, one.there.mrr, one.back.hits_at_1)
        assert re.search(r"\s+".join([one.name, *(re.escape(share(number)) for number in numbers)]), text)
    assert "320 test pairs of seed 0" in text
    assert "2 of 400 pairs" in text
    for row in found.sample:
        for side in row:
            assert side.entity.name in text
            assert len(side.links) == min(6, side.degree)


def test_a_pair_has_its_partner_marked_and_its_triples_shown() -> None:
    graphs = toy.aligned()
    found = look(graphs, sample=40)
    pairs = {(graphs.left.entities[a], graphs.right.entities[b]) for a, b in graphs.pairs.tolist()}
    labels = [tuple(side.entity.label or side.entity.name for side in row) for row in found.sample]
    assert set(labels) <= pairs
    assert len(set(labels)) == 40
    marked = 0
    for row, (_, right) in zip(found.sample, labels, strict=True):
        for close in row[0].close:
            places = [n for n, (one, _, is_partner) in enumerate(close.entities, 1) if is_partner]
            assert all((close.entities[n - 1][0].label or close.entities[n - 1][0].name) == right for n in places)
            if close.name in ("image", "text") and close.rank is not None:
                assert places == ([close.rank] if close.rank <= 5 else [])
                marked += len(places)
    assert marked > 5
    every = [partner for row in found.sample for side in row for c in side.close for _, _, partner in c.entities]
    assert page(found).count('class="partner"') == sum(every)


def test_links_are_triples_one_of_each_kind_first() -> None:
    graph = toy.completion().graph
    known = {(graph.entities[h], graph.relations[r], graph.entities[t]) for h, r, t in graph.triples.tolist()}
    for (side,) in look(toy.completion(), sample=20).sample:
        ways = []
        for link in side.links:
            ends = (side.entity.name, link.other) if link.away else (link.other, side.entity.name)
            assert (ends[0], link.relation, ends[1]) in known
            ways.append((link.relation, link.away))
        kinds = {(r, h == side.entity.name) for h, r, t in known if side.entity.name in (h, t)}
        assert len(set(ways)) == min(len(kinds), len(ways))


def test_hostile_and_strange_names_are_only_text(odd: AlignedGraphs) -> None:
    drawn = page(look(odd, sample=6))
    seen = Seen(drawn)
    assert not {"script", "img", "i", "u"} & set(seen.tags)
    assert {one[:1] for one in seen.asked} == {"#"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drawn
    assert drawn.count("</style>") == 1
    text = text_of(drawn)
    assert "مرحبا بالعالم" in text
    assert "only one graph has vectors" in text
    assert 'class="of" dir="auto"' in drawn


def test_data_without_anything(odd: AlignedGraphs) -> None:
    bare = [MultiModalGraph(g.entities, g.relations, g.triples) for g in (odd.left, odd.right)]
    text = text_of(page(look(AlignedGraphs("bare", *bare, odd.pairs))))
    assert "These data have no vectors, and no names to compare." in text
    assert "share a vector" not in text
    assert "There is nothing to compare by" in text
    none = np.zeros((0, 3), np.int64)
    lonely = MultiModalGraph(["a"], ["r"], none, features={"image": Features(np.array([0]), np.ones((1, 2)))})
    drawn = page(look(CompletionGraph("lonely", lonely, none, none)))
    assert "1 of 1 entities" in drawn
    nobody = MultiModalGraph([], [], none, features={"image": Features(np.zeros(0, np.int64), np.zeros((0, 2)))})
    assert "0 of 0 entities" in page(look(CompletionGraph("nobody", nobody, none, none)))


def test_pictures_are_inside_the_page_and_twins_and_unreadable_ones_are_told(pictures) -> None:
    graph = toy.completion().graph
    drawn = page(look(toy.completion(), images=[pictures(graph.entities)], sample=300))
    seen = Seen(drawn)
    addresses = [one for one in seen.asked if not one.startswith("#")]
    assert len(addresses) > 200
    assert all(one.startswith("data:image/webp;base64,") for one in addresses)
    text = text_of(drawn)
    assert "pictures: graph 300" in text
    assert "pictures: 299 entities in 32 groups" in text  # as many as there are multiples of 40 modulo 256
    assert f"{graph.entities[-1]}.png: " in text
    assert "1 could not be read" in text
    assert "no picture" in text


def test_a_stored_set_and_what_made_it_are_on_the_page() -> None:
    graphs = toy.aligned()
    sides = {"kg1": graphs.left, "kg2": graphs.right}
    made = {side: graph.features["image"] for side, graph in sides.items()}
    made = {side: Features(one.entities.astype(np.int64), one.values.astype(np.float32)) for side, one in made.items()}
    header = Header("open_clip:ViT-B-32", "c" * 64, "open_clip 2.30", "224 x 224, on white", "best")
    feature_sets.store(graphs, "image", "clip", made, header)
    found = look(graphs, sample=2)
    own, stored = found.untrained.found[:2]
    assert (own.name, stored.name) == ("image", "image:clip")
    assert own.there == stored.there
    assert found.untrained.either["image", "image:clip"] == own.there.hits_at_1
    text = text_of(page(found))
    for word in ("image:clip", "open_clip:ViT-B-32", "c" * 12, "open_clip 2.30", "224 x 224, on white", "best"):
        assert word in text


def test_words_for_numbers() -> None:
    assert [share(n) for n in (0.3036, 0, 1, -0.25, 0.9996, None)] == [".304", ".000", "1.000", "-.250", "1.000", "—"]
    assert [percent(n) for n in (0, 0.001, 0.5, 0.9999, 1)] == ["0%", "<1%", "50%", ">99%", "100%"]
    assert [short(n) for n in (1, 437.5, 2712.3, 0.97203)] == ["1", "437.5", "2,712", ".972"]
    assert [tail(one) for one in ("http://a.org/x#knows", "http://a.org/x/", "g:is/in", "a")] == [
        *("knows", "x", "g:is/in", "a"),
    ]
