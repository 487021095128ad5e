"""Every layout, from small files written here: what comes out is known without reading anything."""

import hashlib
import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, MultiModalGraph
from kgprism.platform.data.readers import feature_files, layouts, order

PLAIN = {
    "kg1/entities.tsv": '0\ta:"one"\n1\ta:deux\n2\ta:NA\n',
    "kg1/relations.tsv": "0\tlikes\n1\tknows\n",
    "kg1/triples.tsv": "0\t1\t2\n2\t0\t0\n2\t0\t0\n",
    "kg1/attributes.tsv": "1\tage\t3\n0\tname\n1\tage\t4\n",
    "kg1/names.tsv": "0\tone\n1\t\n",
    "kg1/image_index.tsv": "2\tIMG1\n0\tIMG2\n2\tIMG3\n",
    "kg2/entities.tsv": "0\tb:eins\n1\tb:zwei\n",
    "kg2/relations.tsv": "0\tmag\n",
    "kg2/triples.tsv": "0\t0\t1\n",
    "pairs.tsv": "2\t1\n0\t0\n",
    "splits/train.tsv": "0\t0\n",
    "splits/test.tsv": "2\t1\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def aligned(folder: Path) -> AlignedGraphs:
    dataset = layouts.read("small", folder)
    assert isinstance(dataset, AlignedGraphs)
    return dataset


def by_label(graph: MultiModalGraph) -> list[tuple[str, str, str]]:
    return [(graph.entities[h], graph.relations[r], graph.entities[t]) for h, r, t in graph.triples]


def attributes(graph: MultiModalGraph) -> list[tuple[str, str]]:
    return [(graph.entities[e], graph.attributes[a]) for e, a in graph.attribute_triples]


def pairs(dataset: AlignedGraphs, rows: np.ndarray | None = None) -> list[tuple[str, str]]:
    found = dataset.pairs if rows is None else rows
    return [(dataset.left.entities[i], dataset.right.entities[j]) for i, j in found]


def test_plain(tmp_path: Path) -> None:
    folder = write(tmp_path, PLAIN)
    dataset = aligned(folder)
    assert layouts.recognise(folder).name == "plain"
    assert sorted(layouts.recognise(folder).files(folder)) == sorted(folder / name for name in PLAIN)
    assert by_label(dataset.left) == [('a:"one"', "knows", "a:NA"), *[("a:NA", "likes", 'a:"one"')] * 2]
    assert by_label(dataset.right) == [("b:eins", "mag", "b:zwei")]
    assert attributes(dataset.left) == [("a:deux", "age"), ('a:"one"', "name"), ("a:deux", "age")]
    assert dict(zip(dataset.left.entities, dataset.left.names, strict=True)) == {
        'a:"one"': "one",
        "a:deux": "",
        "a:NA": "",
    }
    assert {dataset.left.entities[i] for i in dataset.left.pictured} == {"a:NA", 'a:"one"'}
    assert dataset.right.names == []
    assert pairs(dataset) == [("a:NA", "b:zwei"), ('a:"one"', "b:eins")]
    assert {part: pairs(dataset, rows) for part, rows in dataset.published.items()} == {
        "train": [('a:"one"', "b:eins")],
        "test": [("a:NA", "b:zwei")],
    }
    assert {dataset.left.triples.dtype, dataset.left.attribute_triples.dtype, dataset.pairs.dtype} == {
        np.dtype(np.int64)
    }


def test_entities_stand_in_hash_order(tmp_path: Path) -> None:
    dataset = aligned(write(tmp_path, PLAIN))
    for side, graph in (("left", dataset.left), ("right", dataset.right)):
        digests = [hashlib.sha256(f"{side}\0{label}".encode()).hexdigest() for label in graph.entities]
        assert digests == sorted(digests)


def test_source_order_does_not_matter(tmp_path: Path) -> None:
    swapped = {
        **PLAIN,
        "kg2/entities.tsv": "0\tb:zwei\n1\tb:eins\n",
        "kg2/triples.tsv": "1\t0\t0\n",
        "pairs.tsv": "2\t0\n0\t1\n",
        "splits/train.tsv": "0\t1\n",
        "splits/test.tsv": "2\t0\n",
    }
    first, second = aligned(write(tmp_path / "first", PLAIN)), aligned(write(tmp_path / "second", swapped))
    assert first.fingerprint == second.fingerprint


def test_the_two_sides_are_ordered_apart() -> None:
    labels = [f"e{i}" for i in range(200)]
    left, right = order.ranks("left", labels), order.ranks("right", labels)
    assert sorted(left) == sorted(right) == list(range(200))
    assert np.mean(left == right) < 0.05
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.25


def test_features_follow_their_entities(tmp_path: Path) -> None:
    folder = write(tmp_path, PLAIN)
    np.savez(
        folder / "kg1/image_features.npz", ids=np.array([2, 1], np.int32), values=np.array([[2, 2], [1, 1]], np.float16)
    )
    np.save(folder / "kg2/text_features.npy", np.array([[0.0], [1.0]]))
    dataset = aligned(folder)
    image, text = dataset.left.features["image"], dataset.right.features["text"]
    assert {dataset.left.entities[e]: v.tolist() for e, v in zip(image.entities, image.values, strict=True)} == {
        "a:NA": [2, 2],
        "a:deux": [1, 1],
    }
    assert image.values.dtype == np.float16
    assert list(image.entities) == sorted(image.entities)
    assert {dataset.right.entities[e]: v.tolist() for e, v in zip(text.entities, text.values, strict=True)} == {
        "b:eins": [0.0],
        "b:zwei": [1.0],
    }
    assert len(dataset.left.pictured) == 3
    assert folder / "kg1/image_features.npz" in layouts.recognise(folder).files(folder)


def test_an_image_pickle_is_keyed_by_source_ids(tmp_path: Path) -> None:
    folder = write(
        tmp_path, PLAIN | {"kg1/source_ids.tsv": "0\t7\n1\t3\n2\t9\n", "kg2/source_ids.tsv": "0\t11\n1\t10\n"}
    )
    (folder / "zh_en_id_img_feature_dict.pkl").write_bytes(pickle.dumps({9: np.array([9.0]), 10: np.array([10.0])}))
    dataset = aligned(folder)
    for graph, label, value in ((dataset.left, "a:NA", 9.0), (dataset.right, "b:zwei", 10.0)):
        assert [graph.entities[e] for e in graph.features["image"].entities] == [label]
        assert graph.features["image"].values.tolist() == [[value]]
    assert {dataset.left.entities[i] for i in dataset.left.pictured} == {"a:NA", 'a:"one"'}
    assert {path.name for path in layouts.recognise(folder).files(folder)} >= {
        "source_ids.tsv",
        "zh_en_id_img_feature_dict.pkl",
    }


def test_windows_line_ends_byte_order_mark_and_gzip(tmp_path: Path) -> None:
    import gzip

    expected = aligned(write(tmp_path / "plain", PLAIN)).fingerprint
    folder = write(tmp_path / "other", PLAIN)
    (folder / "kg1/triples.tsv").unlink()
    (folder / "kg1/triples.tsv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf0\t1\t2\r\n2\t0\t0\r\n2\t0\t0"))
    assert aligned(folder).fingerprint == expected


def test_plain_completion(tmp_path: Path) -> None:
    files = {
        "entities.tsv": "0\tb\n1\ta\n",
        "relations.tsv": "0\tr\n1\ts\n",
        "train.tsv": "0\t1\t1\n0\t1\t1\n",
        "valid.tsv": "1\t0\t1\n",
        "test.tsv": "",
    }
    folder = write(tmp_path, files)
    np.save(folder / "image_features.npy", np.eye(2, dtype=np.float32))
    dataset = layouts.read("small", folder)
    assert isinstance(dataset, CompletionGraph)
    assert layouts.recognise(folder).name == "plain-completion"
    assert dataset.graph.entities == ["b", "a"]
    assert dataset.graph.triples.tolist() == [[0, 1, 1], [0, 1, 1]]
    assert dataset.valid.tolist() == [[1, 0, 1]]
    assert dataset.test.shape == (0, 3)
    assert dataset.graph.features["image"].values.tolist() == [[1, 0], [0, 1]]


DBP15K = {
    "fr_en/ent_ids_1": "0\tfr:a\n5\tfr:b\n",
    "fr_en/ent_ids_2": "3\ten:a\n4\ten:b\n9\ten:c\n",
    "fr_en/triples_1": "0\t844\t5\n5\t7\t5\n",
    "fr_en/triples_2": "9\t1000\t3\n",
    "fr_en/ill_ent_ids": "5\t4\n0\t3\n",
    "fr_en/training_attrs_1": "fr:b\tnom\tdate\tnom\nfr:a\n",
    "fr_en/training_attrs_2": "en:c\tname\n",
    "translated_ent_name/dbp_fr_en.json": json.dumps([[0, ["the", "a"]], [5, []], [9, ["c"]]]),
}


def test_dbp15k(tmp_path: Path) -> None:
    folder = write(tmp_path, DBP15K) / "fr_en"
    (tmp_path / "fr_en_GA_id_img_feature_dict.pkl").write_bytes(pickle.dumps({9: np.ones(3, np.float32), 5: [2, 2, 2]}))
    dataset = aligned(folder)
    assert layouts.recognise(folder).name == "dbp15k"
    assert {path.name for path in layouts.recognise(folder).files(folder)} == {
        *(Path(name).name for name in DBP15K),
        "fr_en_GA_id_img_feature_dict.pkl",
    }
    assert by_label(dataset.left) == [("fr:a", "844", "fr:b"), ("fr:b", "7", "fr:b")]
    assert by_label(dataset.right) == [("en:c", "1000", "en:a")]
    assert attributes(dataset.left) == [("fr:b", "nom"), ("fr:b", "date"), ("fr:b", "nom")]
    assert attributes(dataset.right) == [("en:c", "name")]
    assert pairs(dataset) == [("fr:b", "en:b"), ("fr:a", "en:a")]
    assert dict(zip(dataset.left.entities, dataset.left.names, strict=True)) == {"fr:a": "the a", "fr:b": ""}
    for graph, label, value in ((dataset.left, "fr:b", 2), (dataset.right, "en:c", 1)):
        assert [graph.entities[e] for e in graph.features["image"].entities] == [label]
        assert [graph.entities[e] for e in graph.pictured] == [label]
        assert graph.features["image"].values.tolist() == [[value] * 3]


def test_dbp15k_reads_the_same_when_its_neighbours_moved_in(tmp_path: Path) -> None:
    expected = aligned(write(tmp_path, DBP15K) / "fr_en").fingerprint
    inside = {name.removeprefix("fr_en/"): text for name, text in DBP15K.items()}
    assert aligned(write(tmp_path / "dbp15k-fr-en", inside)).fingerprint == expected


def test_dbp15k_without_optional_files(tmp_path: Path) -> None:
    needed = {k.removeprefix("fr_en/"): t for k, t in DBP15K.items() if "attrs" not in k and "json" not in k}
    dataset = aligned(write(tmp_path, needed))
    assert dataset.modalities == {"relation"}
    assert dataset.left.names == dataset.left.attributes == []


MMKB = {
    "FB15K/FB15K_EntityTriples.txt": "/m/1 /likes /m/2 .\n/m/2\t/knows\t/m/2\n",
    "FB15K/FB15K_NumericalTriples.txt": "/m/1\t<http://fb/age>\t1.5\n/m/1\t<http://fb/age>\t2.5\n/m/1\t<http://fb/age>\t1.5\n",
    "FB15K/FB15K_ImageIndex.txt": "/m/2\tFBIMG1\n",
    "YAGO15K/YAGO15K_EntityTriples.txt": "<A> <isIn> <http://yago-knowledge.org/resource/B> .\n",
    "YAGO15K/YAGO15K_NumericalTriples.txt": "<B>\t<hasLatitude>\t1966-##-##\n",
    "YAGO15K/YAGO15K_SameAsLink.txt": "/m/2 <SameAs> <http://yago-knowledge.org/resource/B> .\n/m/1 <SameAs> <A> .\n",
}


def test_mmkb(tmp_path: Path) -> None:
    folder = write(tmp_path, MMKB)
    dataset = aligned(folder)
    yago = "http://yago-knowledge.org/resource/"
    assert layouts.recognise(folder).name == "mmkb"
    assert sorted(layouts.recognise(folder).files(folder)) == sorted(folder / name for name in MMKB)
    assert by_label(dataset.left) == [("/m/1", "/likes", "/m/2"), ("/m/2", "/knows", "/m/2")]
    assert by_label(dataset.right) == [(f"{yago}A", f"{yago}isIn", f"{yago}B")]
    assert attributes(dataset.left) == [("/m/1", "http://fb/age")] * 2
    assert attributes(dataset.right) == [(f"{yago}B", f"{yago}hasLatitude")]
    assert [dataset.left.entities[i] for i in dataset.left.pictured] == ["/m/2"]
    assert pairs(dataset) == [("/m/2", f"{yago}B"), ("/m/1", f"{yago}A")]


def test_mmkb_image_vectors(tmp_path: Path) -> None:
    folder = write(tmp_path, MMKB)
    with h5py.File(folder / "FB15K/FB15K_ImageData.h5", "w") as file:
        file["FBIMG1"] = np.array([[1.0, 2.0, 3.0]])
    dataset = aligned(folder)
    assert [dataset.left.entities[e] for e in dataset.left.features["image"].entities] == ["/m/2"]
    assert dataset.left.features["image"].values.tolist() == [[1, 2, 3]]


def test_without_h5py_image_vectors_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, {**MMKB, "FB15K/FB15K_ImageData.h5": ""})
    monkeypatch.setattr(feature_files, "find_spec", lambda name: None)
    layout = layouts.recognise(folder)
    assert folder / "FB15K/FB15K_ImageData.h5" not in layout.files(folder)
    assert layout.passed_over(folder) == [
        f'{folder}/FB15K/FB15K_ImageData.h5 is passed over: to read HDF5, pip install "kgprism[h5]"'
    ]


def test_openea(tmp_path: Path) -> None:
    files = {
        "rel_triples_1": "x/a\tr\tx/b\nx/b\ts\tx/a\n",
        "rel_triples_2": "y/a\tq\ty/b\n",
        "attr_triples_1": "x/a\tsays\tone\ttwo\nx/c\tsays\t\n",
        "ent_links": "x/b\ty/b\nx/a\ty/a\n",
        "721_5fold/1/train_links": "x/a\ty/a\n",
        "721_5fold/1/valid_links": "",
        "721_5fold/1/test_links": "x/b\ty/b\n",
    }
    folder = write(tmp_path, {**files, "721_5fold/2/train_links": "x/b\ty/b\n"})
    dataset = aligned(folder)
    assert layouts.recognise(folder).name == "openea"
    assert sorted(layouts.recognise(folder).files(folder)) == sorted(folder / name for name in files)
    assert by_label(dataset.left) == [("x/a", "r", "x/b"), ("x/b", "s", "x/a")]
    assert attributes(dataset.left) == [("x/a", "says"), ("x/c", "says")]
    assert dataset.right.attribute_triples.shape == (0, 2)
    assert pairs(dataset) == [("x/b", "y/b"), ("x/a", "y/a")]
    assert {part: pairs(dataset, rows) for part, rows in dataset.published.items()} == {
        "train": [("x/a", "y/a")],
        "valid": [],
        "test": [("x/b", "y/b")],
    }
