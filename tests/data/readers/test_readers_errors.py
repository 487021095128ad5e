"""Files that are not what they claim to be: one line that names file, line, what was expected and what was found."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import DataError

PLAIN = {
    "kg1/entities.tsv": "0\ta\n1\tb\n",
    "kg1/relations.tsv": "0\tr\n",
    "kg1/triples.tsv": "0\t0\t1\n",
    "kg2/entities.tsv": "0\tc\n1\td\n",
    "kg2/relations.tsv": "0\tr\n",
    "kg2/triples.tsv": "0\t0\t1\n",
    "pairs.tsv": "0\t1\n",
}
DBP15K = {
    "ent_ids_1": "0\ta\n",
    "ent_ids_2": "1\tb\n",
    "triples_1": "0\t0\t0\n",
    "triples_2": "1\t0\t1\n",
    "ill_ent_ids": "0\t1\n",
}
OPENEA = {"rel_triples_1": "a\tr\tb\n", "rel_triples_2": "c\tr\td\n", "ent_links": "a\tc\n"}
MMKB = {
    "FB15K/FB15K_EntityTriples.txt": "/m/1 /r /m/2 .\n",
    "DB15K/DB15K_EntityTriples.txt": "<x:a> <x:r> <x:b> .\n",
    "DB15K/DB15K_SameAsLink.txt": "/m/1 <SameAs> <http://a> .\n",
}
COMPLETION = {f"{part}.tsv": "0\t0\t1\n" for part in ("train", "valid", "test")}
COMPLETION |= {"entities.tsv": "0\ta\n1\tb\n", "relations.tsv": "0\tr\n"}

WRONG = [
    (
        PLAIN,
        "kg1/triples.tsv",
        "0\t0\t1\n0\t1\n",
        "kg1/triples.tsv:2: expected head id, relation id, tail id .* found '0\\\\t1'",
    ),
    (PLAIN, "kg1/triples.tsv", "0\t0\t1\n0\t0\t1\t1\n", "kg1/triples.tsv:2: expected .* found '0\\\\t0\\\\t1\\\\t1'"),
    (PLAIN, "kg1/triples.tsv", "0\t0\t1\n\n0\t0\t1\n", "kg1/triples.tsv:2: expected .* found ''"),
    (PLAIN, "kg1/triples.tsv", "0 0 1\n", "kg1/triples.tsv:1: expected .* separated by tabs, found '0 0 1'"),
    (PLAIN, "kg1/triples.tsv", "0\t0\t-1\n", "kg1/triples.tsv:1: expected .* found '0\\\\t0\\\\t-1'"),
    (PLAIN, "kg1/triples.tsv", "0\t0\t1\n0\t0\t1e3\n", "kg1/triples.tsv:2: expected"),
    (PLAIN, "kg1/triples.tsv", "0\t0\t99999999999999999999\n", "kg1/triples.tsv:1: expected"),
    (
        PLAIN,
        "kg1/triples.tsv",
        "0\t0\t1\n2\t0\t1\n",
        "kg1/triples.tsv:2: unknown head entity id '2' \\(known: 0 to 1\\)",
    ),
    (PLAIN, "kg1/triples.tsv", "0\t1\t1\n", "kg1/triples.tsv:1: unknown relation id '1' \\(known: 0 to 0\\)"),
    (PLAIN, "kg1/triples.tsv", "0\t0\t5\n", "kg1/triples.tsv:1: unknown tail entity id '5'"),
    (PLAIN, "kg1/entities.tsv", "0\ta\n2\tb\n", "kg1/entities.tsv:2: expected the id 1, found 2"),
    (
        PLAIN,
        "kg1/entities.tsv",
        "0\ta\n1\n",
        "kg1/entities.tsv:2: expected id, entity label separated by tabs, found '1'",
    ),
    (
        PLAIN,
        "kg1/entities.tsv",
        "0\ta\n1\ta\n",
        "kg1/entities.tsv:2: expected every entity label once, found 'a' again",
    ),
    (PLAIN, "kg1/attributes.tsv", "0\tx\n7\tx\n", "kg1/attributes.tsv:2: unknown entity id '7'"),
    (PLAIN, "kg1/names.tsv", "0\tx\n7\tx\n", "kg1/names.tsv:2: unknown entity id '7'"),
    (PLAIN, "kg1/image_index.tsv", "x\ty\n", "kg1/image_index.tsv:1: expected id, image id separated by tabs"),
    (PLAIN, "pairs.tsv", "0\t1\n0\t2\n", "pairs.tsv:2: unknown kg2 entity id '2'"),
    (PLAIN, "pairs.tsv", "3\t1\n", "pairs.tsv:1: unknown kg1 entity id '3'"),
    (PLAIN, "splits/train.tsv", "0\t1\n", "splits: expected train.tsv and test.tsv, found only train"),
    (COMPLETION, "valid.tsv", "0\t0\t9\n", "valid.tsv:1: unknown tail entity id '9'"),
    (DBP15K, "ent_ids_2", "0\tb\n", "ent_ids_2: expected ids that ent_ids_1 does not have, found 0 in both"),
    (DBP15K, "ent_ids_1", "0\ta\n0\tb\n", "ent_ids_1:2: expected every id once, found '0' again"),
    (DBP15K, "triples_1", "0\t3\t1\n", "triples_1:1: unknown tail entity id '1'"),
    (DBP15K, "ill_ent_ids", "0\t1\n1\t0\n", "ill_ent_ids:2: unknown left entity id '1'"),
    (DBP15K, "training_attrs_1", "a\tx\nz\tx\n", "training_attrs_1:2: unknown entity 'z'"),
    (DBP15K, "dbp_fr_en.json", "{", "dbp_fr_en.json: expected \\[\\[entity id, "),
    (DBP15K, "dbp_fr_en.json", '[[4, ["x"]]]', "dbp_fr_en.json: unknown entity id 4"),
    (OPENEA, "ent_links", "a\tc\na\tz\n", "ent_links:2: unknown entity 'z'"),
    (
        OPENEA,
        "rel_triples_1",
        "a\tr\n",
        "rel_triples_1:1: expected head, relation, tail separated by tabs, found 'a\\\\tr'",
    ),
    (
        MMKB,
        "DB15K/DB15K_SameAsLink.txt",
        "/m/1 <SameAs> <http://z> .\n",
        "DB15K_SameAsLink.txt:1: unknown entity 'http://z'",
    ),
    (
        MMKB,
        "FB15K/FB15K_EntityTriples.txt",
        "/m/1 /r\n",
        "FB15K_EntityTriples.txt:1: expected head, relation, tail, found",
    ),
    (MMKB, "FB15K/FB15K_NumericalTriples.txt", "/m/9\tx\t1\n", "FB15K_NumericalTriples.txt:1: unknown entity '/m/9'"),
    (
        MMKB,
        "YAGO/YAGO_EntityTriples.txt",
        "a b c\n",
        "expected the folders FB15K and DB15K .* found DB15K, FB15K, YAGO",
    ),
]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("files", "name", "text", "message"), WRONG)
def test_one_line_says_where_and_what(
    tmp_path: Path, files: dict[str, str], name: str, text: str, message: str
) -> None:
    folder = write(tmp_path, {**files, name: text})
    with pytest.raises(DataError, match=message) as caught:
        layouts.read("wrong", folder)
    assert str(caught.value).startswith(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("files", [PLAIN, COMPLETION, DBP15K, OPENEA])
def test_the_files_above_are_right_but_for_one(tmp_path: Path, files: dict[str, str]) -> None:
    layouts.read("right", write(tmp_path, files))


def test_a_split_holds_known_pairs_only(tmp_path: Path) -> None:
    folder = write(tmp_path, {**PLAIN, "splits/train.tsv": "0\t1\n", "splits/test.tsv": "0\t1\n1\t1\n"})
    with pytest.raises(DataError, match=r"splits/test\.tsv:2: the pair 1, 1 is not in pairs\.tsv"):
        layouts.read("wrong", folder)


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    folder = write(tmp_path, PLAIN)
    (folder / "kg1/entities.tsv").write_bytes(b"0\ta\n1\t\xe9\n")
    with pytest.raises(DataError, match=r"kg1/entities\.tsv:2: expected UTF-8, found the byte 0xe9"):
        layouts.read("wrong", folder)


def test_a_gzip_file_that_was_cut(tmp_path: Path) -> None:
    folder = write(tmp_path, PLAIN)
    (folder / "pairs.tsv").unlink()
    (folder / "pairs.tsv.gz").write_bytes(gzip.compress(b"0\t1\n" * 100)[:-9])
    with pytest.raises(DataError, match=r"pairs\.tsv\.gz: cannot be read"):
        layouts.read("wrong", folder)


def test_an_image_pickle_needs_source_ids(tmp_path: Path) -> None:
    folder = write(tmp_path, PLAIN)
    np.save(folder / "img.npy", np.zeros((4, 2)))
    with pytest.raises(DataError, match=r"kg1: expected a file source_ids\.tsv"):
        layouts.read("wrong", folder)
    write(folder, {"kg1/source_ids.tsv": "0\t0\n", "kg2/source_ids.tsv": "0\t1\n1\t2\n"})
    with pytest.raises(DataError, match=r"kg1/source_ids\.tsv: expected 2 lines, one an entity, found 1"):
        layouts.read("wrong", folder)


def test_a_layout_that_lacks_one_file_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, {k: v for k, v in DBP15K.items() if k != "ill_ent_ids"})
    with pytest.raises(DataError, match=r"looks like the layout 'dbp15k' but has no ill_ent_ids"):
        layouts.recognise(folder)


def test_an_unknown_layout_lists_all_that_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=re.escape(f"{tmp_path}: no known layout; looked for plain: kg1/entities.tsv,")
    ) as e:
        layouts.recognise(tmp_path)
    assert all(layout.name in str(e.value) for layout in layouts.LAYOUTS)


def test_a_missing_file_of_one_graph(tmp_path: Path) -> None:
    folder = write(tmp_path, {k: v for k, v in PLAIN.items() if k != "kg2/triples.tsv"})
    with pytest.raises(DataError, match=r"kg2: expected a file triples\.tsv or triples\.tsv\.gz"):
        layouts.read("wrong", folder)
