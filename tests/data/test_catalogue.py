"""Datasets by name: what is said about unknown ones, and that importing and fetching are whole or not at all."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kgprism.platform.data import catalogue, download
from kgprism.platform.data.download import DOWNLOADS, Download
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph
from kgprism.platform.data.holdout import holdout
from kgprism.platform.errors import DataError

RAW = Path(__file__).parents[2] / "../shared/data/raw"

FILES = {
    "kg1/entities.tsv": "0\ta\n1\tb\n",
    "kg1/relations.tsv": "0\tr\n",
    "kg1/triples.tsv": "0\t0\t1\n",
    "kg2/entities.tsv": "0\tA\n1\tB\n",
    "kg2/relations.tsv": "0\ts\n",
    "kg2/triples.tsv": "1\t0\t0\n",
    "pairs.tsv": "0\t0\n1\t1\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / path).write_text(text)
    return tmp_path / "source"


def kept(home: Path) -> list[str]:
    """Return every file below the home's data, hidden ones included."""
    return sorted(str(path.relative_to(home / "data")) for path in (home / "data").rglob("*") if path.is_file())


def test_built_in_names_need_no_files(home: Path) -> None:
    assert catalogue.load("toy").name == "toy"
    assert catalogue.load("toy-completion").name == "toy-completion"
    assert not home.exists()


def test_names_tell_what_is_here(home: Path, source: Path) -> None:
    catalogue.bring("mine", source)
    catalogue.bring("fb15k-db15k", source)
    (home / "data/.left-over").mkdir()
    found = {entry.name: entry for entry in catalogue.names()}
    assert found["toy"].present
    assert found["fb15k-db15k"].present
    assert not found["fb15k-yago15k"].present
    assert (found["mine"].origin, found["fb15k-db15k"].origin, found["toy"].origin) == ("own", "benchmark", "built in")
    assert len(found) == 16
    assert {entry.task for entry in found.values()} == {"alignment", "completion", ""}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("db15k_holdout", "db15k is not here yet"),
        ("db15_holdout", "unknown dataset 'db15' (did you mean 'db15k'?)"),
        ("toy_holdout", "'toy_holdout': toy has no validation triples to replace"),
        ("fb15k-db15", "unknown dataset 'fb15k-db15' (did you mean 'fb15k-db15k'?)"),
        ("dbp15k-zh-en", "kgprism data import dbp15k-zh-en --from DIR"),
        ("dbp15k-zh-en", "kgprism data fetch dbp15k-zh-en"),
        ("../source", "unknown dataset '../source'"),
        ("", "unknown dataset ''"),
    ],
)
def test_absent_datasets_say_what_to_type(home: Path, source: Path, name: str, says: str) -> None:
    (home / "data").mkdir(parents=True)
    with pytest.raises(DataError) as error:
        catalogue.load(name)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_held_out_split_has_a_name_of_its_own(home: Path) -> None:
    source, found = catalogue.load("toy-completion"), catalogue.load("toy-completion_holdout")
    assert isinstance(source, CompletionGraph)
    assert isinstance(found, CompletionGraph)
    assert found.name == "toy-completion_holdout"
    assert found.fingerprint == holdout(source, 0.1, 0).fingerprint != source.fingerprint


def test_import_copies_exactly_the_layout(home: Path, source: Path) -> None:
    (source / "notes.txt").write_text("not part of the dataset")
    done = catalogue.bring("mine", source)
    assert (done.layout, done.files, done.changed) == ("plain", len(FILES), True)
    assert kept(home) == sorted(f"mine/{path}" for path in FILES)
    mine = catalogue.load("mine")
    assert isinstance(mine, AlignedGraphs)
    assert sorted(mine.left.entities) == ["a", "b"]
    labels = [(mine.left.entities[left], mine.right.entities[right]) for left, right in mine.pairs]
    assert labels == [("a", "A"), ("b", "B")]


def test_linked_files_are_copied_as_files(home: Path, source: Path, tmp_path: Path) -> None:
    (source / "pairs.tsv").rename(tmp_path / "elsewhere.tsv")
    (source / "pairs.tsv").symlink_to(tmp_path / "elsewhere.tsv")
    folder = catalogue.bring("mine", source).folder
    assert not (folder / "pairs.tsv").is_symlink()
    assert (folder / "pairs.tsv").read_text() == FILES["pairs.tsv"]


def test_a_bad_file_leaves_nothing_behind(home: Path, source: Path) -> None:
    (source / "pairs.tsv").write_text("0\t0\n1\t7\n")
    with pytest.raises(DataError, match=r"pairs\.tsv"):
        catalogue.bring("mine", source)
    assert kept(home) == []
    with pytest.raises(DataError, match="unknown dataset"):
        catalogue.load("mine")


def test_import_from_nowhere(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        catalogue.bring("mine", tmp_path / "nowhere")
    assert not home.exists()


def test_a_taken_name_is_not_overwritten(home: Path, source: Path) -> None:
    catalogue.bring("mine", source)
    assert not catalogue.bring("mine", source).changed
    (source / "pairs.tsv").write_text("0\t1\n")
    with pytest.raises(DataError, match="--replace"):
        catalogue.bring("mine", source)
    assert len(catalogue.load("mine").pairs) == 2
    assert catalogue.bring("mine", source, replace=True).changed
    assert len(catalogue.load("mine").pairs) == 1
    assert kept(home) == sorted(f"mine/{path}" for path in FILES)


def test_replacing_a_link_leaves_its_target_alone(home: Path, source: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("keep me")
    (home / "data").mkdir(parents=True)
    (home / "data/mine").symlink_to(tmp_path / "precious")
    catalogue.bring("mine", source, replace=True)
    assert (tmp_path / "precious/file").read_text() == "keep me"
    assert not (home / "data/mine").is_symlink()


@pytest.mark.parametrize("name", ["../mine", "a/b", "/tmp/mine", ".mine", "", "toy", "a b", "mine\n", "db15k_holdout"])
def test_unsafe_names_are_refused(home: Path, source: Path, name: str) -> None:
    with pytest.raises(DataError, match="name"):
        catalogue.bring(name, source)
    assert not home.exists()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve the temporary folder on this machine only, without a line on the terminal."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def sums() -> dict[str, str]:
    return {f"source/{path}": hashlib.sha256(text.encode()).hexdigest() for path, text in FILES.items()}


def test_fetch_checks_and_keeps(home: Path, source: Path, served: str) -> None:
    done = download.carry("mine", Download(served, "source", sums()))
    assert done.changed
    assert kept(home) == sorted(f"mine/{path}" for path in FILES)
    assert len(catalogue.load("mine").pairs) == 2


def test_fetch_refuses_other_bytes(home: Path, source: Path, served: str) -> None:
    wrong = sums() | {"source/pairs.tsv": hashlib.sha256(b"other").hexdigest()}
    with pytest.raises(DataError, match=r"source/pairs\.tsv: not kept: .*hash"):
        download.carry("mine", Download(served, "source", wrong))
    assert kept(home) == []


def test_fetch_names_what_cannot_be_had(home: Path, source: Path, served: str) -> None:
    (source / "pairs.tsv").unlink()
    with pytest.raises(DataError, match=r"source/pairs\.tsv: cannot be downloaded"):
        download.carry("mine", Download(served, "source", sums()))
    assert kept(home) == []


def test_fetch_says_where_the_files_are() -> None:
    with pytest.raises(DataError, match=r"github\.com/mniepert/mmkb.*`kgprism data import fb15k-db15k --from DIR"):
        download.fetch("fb15k-db15k")
    with pytest.raises(DataError, match="did you mean 'fb15k-db15k'"):
        download.fetch("fb15k-db15")


@pytest.mark.real
def test_sums_are_those_of_the_published_bytes(home: Path, tmp_path: Path, served: str) -> None:
    if not RAW.is_dir():
        pytest.skip("the published files are not here")
    (tmp_path / "mirror").symlink_to(RAW.resolve() / "DBP15K")
    assert download.fetch("dbp15k-fr-en", mirror=f"{served}/mirror/").files == len(DOWNLOADS["dbp15k-fr-en"].files)
    fetched = catalogue.load("dbp15k-fr-en")
    assert isinstance(fetched, AlignedGraphs)
    assert len(fetched.pairs) == 15000
    assert any(fetched.left.names)


@pytest.mark.real
@pytest.mark.parametrize(("name", "test"), [("db15k", 9902), ("mkg-y", 2663)])
def test_sums_of_the_completion_benchmarks(home: Path, tmp_path: Path, served: str, name: str, test: int) -> None:
    if not RAW.is_dir():
        pytest.skip("the published files are not here")
    (tmp_path / "mirror").symlink_to(RAW.resolve() / "openke")
    done = download.fetch(name, mirror=f"{served}/mirror/")
    assert (done.files, done.layout) == (len(DOWNLOADS[name].files), "openke")
    assert len(catalogue.load(name).test) == test
