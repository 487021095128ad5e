"""Folders of every layout, with something wrong: one line that names the file, or data that hold what they promise."""

import gzip
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgprism.platform.data.catalogue import counts
from kgprism.platform.data.graph import AlignedGraphs, Dataset, MultiModalGraph, dataset_of
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.inputs.split import split
from kgprism.platform.data.inputs.training_graph import adapt, prepare
from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import KgprismError
from kgprism.platform.settings import AlignmentData, CompletionData

#: The same examples on every machine.
FIXED: dict[str, Any] = {"derandomize": True, "deadline": None, "suppress_health_check": list(HealthCheck)}

TRIPLES = {
    f"{part}.txt": f"a\tr\t{end}\nb\ts\ta\n" for part, end in zip(("train", "valid", "test"), "bcd", strict=True)
}
SIDE = {"entities.tsv": "0\ta\n1\tb\n2\tc\n", "relations.tsv": "0\tr\n1\ts\n", "names.tsv": "0\tA b\n2\tC\n"}
SIDE |= {"attributes.tsv": "0\tage\t3\n1\tage\t4\n", "image_index.tsv": "0\tx.png\n"}
#: Small datasets in every layout: file -> text.
FOLDERS: dict[str, dict[str, str]] = {
    "plain": {f"{kg}/{name}": text for kg in ("kg1", "kg2") for name, text in SIDE.items()}
    | {f"{kg}/triples.tsv": "0\t0\t1\n1\t1\t2\n2\t0\t0\n" for kg in ("kg1", "kg2")}
    | {"pairs.tsv": "0\t0\n1\t2\n2\t1\n", "splits/train.tsv": "0\t0\n1\t2\n", "splits/test.tsv": "2\t1\n"}
    | {"name_vectors.txt": "a 1.0 2.0\nb 0.5 1e-3\n"},
    "dbp15k": {
        **{"ent_ids_1": "0\thttp://x/a\n1\thttp://x/b\n", "ent_ids_2": "2\thttp://y/c\n3\thttp://y/d\n"},
        **{"triples_1": "0\t0\t1\n1\t5\t0\n", "triples_2": "2\t1\t3\n3\t2\t2\n", "ill_ent_ids": "0\t2\n1\t3\n"},
        **{"training_attrs_1": "http://x/a\tage\tsize\n", "dbp_x.json": '[[0, ["new", "york"]], [2, "paris"]]'},
    },
    "openea": {
        **{"rel_triples_1": "a\tr\tb\nb\ts\ta\n", "rel_triples_2": "c\tr\td\nd\tq\tc\n", "ent_links": "a\tc\nb\td\n"},
        **{"attr_triples_1": "a\tage\t3\n", "721_5fold/1/train_links": "a\tc\n", "721_5fold/1/valid_links": ""},
        **{"721_5fold/1/test_links": "b\td\n"},
    },
    "mmkb": {
        "FB15K/FB15K_EntityTriples.txt": "/m/1 /r /m/2 .\n/m/2 /s /m/1 .\n",
        "FB15K/FB15K_ImageIndex.txt": "/m/1 i1\n",
        "DB15K/DB15K_EntityTriples.txt": "<http://a> <http://r> <http://b> .\n",
        "DB15K/DB15K_NumericalTriples.txt": "<http://a> <x> 3 .\n",
        "DB15K/DB15K_SameAsLink.txt": "/m/1 <SameAs> <http://a> .\n",
    },
    "plain-completion": {**SIDE, **{f"{part}.tsv": "0\t0\t1\n1\t1\t2\n" for part in ("train", "valid", "test")}},
    "openke": {
        **{"entity2id.txt": "2\na\t0\nb\t1\n", "relation2id.txt": "1\nr\t0\n", "train2id.txt": "2\n0\t1\t0\n1\t0\t0\n"},
        **{"valid2id.txt": "1\n0 0 0\n", "test2id.txt": "1\n1 1 0\n"},
    },
    "triples": TRIPLES,
    "pyg-triples": {f"raw/{name}": text for name, text in TRIPLES.items()},
    "pyg-dbp15k-pair": {
        **{f"id_features_{side}": "0\ta b\n1\tc\n" for side in (1, 2)},
        **{f"triples_{side}": "0\t0\t1\n1\t1\t1\n" for side in (1, 2)},
        **{"train.examples.20": "0\t1\t1\n", "test.examples.1000": "1\t0\t1\n1\t1\t0\n"},
    },
}
GARBAGE = [
    "",
    " ",
    "\t",
    "\t\t",
    "\n",
    "\n\n",
    "\r",
    "\0",
    "\x1c",
    "\x85",
    "\u2028",
    "\ufeff",
    "\u00b2",
    "\u0663",
    "\U0001d7db",
]
GARBAGE += [*"0127a<>.[{\"-+'", "-1", "1e3", "1.5", "9" * 30, "nan", "inf", "1e999", "null", "[[0, []]]", "http://x/a"]

#: How a text changes, where, and what comes in.
changes = st.tuples(
    st.sampled_from(["drop", "double", "swap", "stick", "insert", "field", "line", "insert", "field", "cut"]),
    st.integers(0, 60),
    st.sampled_from(GARBAGE) | st.text(max_size=6),
)


def changed(text: str, change: tuple[str, int, str]) -> str:
    """Return a text with one thing wrong, perhaps."""
    how, place, piece = change
    lines = text.splitlines(keepends=True) or [""]
    at, letter = place % len(lines), place % (len(text) + 1)
    match how:
        case "insert":
            return text[:letter] + piece + text[letter:]
        case "cut":
            return text[:letter]
        case "drop":
            lines.pop(at)
        case "double":
            lines.insert(at, lines[at])
        case "swap":
            lines.append(lines.pop(at))
        case "stick":
            lines[at] = lines[at].rstrip("\n")
        case "field":
            fields = lines[at].rstrip("\n").split("\t")
            fields[place % len(fields)] = piece
            lines[at] = "\t".join(fields) + "\n"
        case "line":
            lines.insert(at, piece + "\n")
    return "".join(lines)


def check_line(error: KgprismError, place: Path | None = None) -> None:
    """Check that a refusal is one line of a bearable length that names the place."""
    message = str(error)
    assert message.startswith(str(place or ""))
    assert message
    assert not set(message) & {"\n", "\r"}, message
    assert len(message) < 1000, message


def check_usable(dataset: Dataset) -> None:
    """Check that accepted data can be kept, counted and given to a method, or are refused there."""
    assert dataset_of(dataset.name, dataset.arrays()).fingerprint == dataset.fingerprint
    assert counts.statistics(dataset)
    assert isinstance(counts.problems(dataset) + counts.advice(dataset), list)
    if isinstance(dataset, AlignedGraphs):
        check_ids(dataset.left)
        check_ids(dataset.right)
        for how in ("seeded", "published", "papers"):
            with suppress(KgprismError):
                found = split(dataset, AlignmentData(split=how, seed_ratio=0.5), 0.1, 0)
                assert len(found.train)
        data = AlignmentData(missing_images="zero", top_relations=3, top_attributes=3)
        assert join(dataset, data, 0, dataset.modalities).entities
    else:
        check_ids(dataset.graph)
        judged, _ = adapt(dataset, CompletionData(holdout=0.4))
        assert prepare(judged, CompletionData(), 0, dataset.modalities).entities


def check_ids(graph: MultiModalGraph) -> None:
    assert graph.triples.min(initial=0) >= 0
    assert graph.triples[:, [0, 2]].max(initial=-1) < len(graph.entities)
    assert graph.triples[:, 1].max(initial=-1) < len(graph.relations)
    assert len(graph.names) in (0, len(graph.entities))


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def check_folder(files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = write(Path(place), files)
        try:
            found = layouts.read("small", folder)
        except KgprismError as error:
            check_line(error, folder)
        else:
            try:
                check_usable(found)
            except KgprismError as error:
                check_line(error)


@pytest.mark.parametrize("layout", FOLDERS)
def test_the_folders_are_right_before_they_are_changed(tmp_path: Path, layout: str) -> None:
    folder = write(tmp_path, {name: text.encode() for name, text in FOLDERS[layout].items()})
    assert layouts.recognise(folder).name == layout
    assert sorted(layouts.recognise(folder).files(folder)) == sorted(folder / name for name in FOLDERS[layout])
    check_ids(getattr(found := layouts.read("right", folder), "left", None) or found.graph)


@st.composite
def folders(draw: st.DrawFn) -> dict[str, bytes]:
    texts = dict(FOLDERS[draw(st.sampled_from(sorted(FOLDERS)))])
    name = draw(st.sampled_from(sorted(texts)))
    for change in draw(st.lists(changes, min_size=1, max_size=3)):
        texts[name] = changed(texts[name], change)
    files = {file: text.encode(errors="surrogatepass") for file, text in texts.items()}
    match draw(st.sampled_from([*["plain"] * 8, "gzip", "cut", "bytes", "gone"])):
        case "gzip":
            files[f"{name}.gz"] = gzip.compress(files.pop(name))
        case "cut":
            files[f"{name}.gz"] = gzip.compress(files.pop(name))[: draw(st.integers(0, 40))]
        case "bytes":
            files[name] = draw(st.binary(max_size=40))
        case "gone":
            files.pop(name)
    return files


@given(folders())
@settings(max_examples=300, **FIXED)
def test_folders(files: dict[str, bytes]) -> None:
    check_folder(files)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(folders())
@settings(max_examples=900, **FIXED)
def test_many_folders(files: dict[str, bytes]) -> None:
    check_folder(files)
