"""Fetching: checked by sums, whole or not at all."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import datasets, download
from kgprism.platform.data.catalogue.addresses import DOWNLOADS, Download
from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.errors import DataError

RAW = Path(__file__).parents[3] / "../shared/data/raw"


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


@pytest.fixture
def sums(source: Path, files: Callable[[Path], list[str]]) -> dict[str, str]:
    return {f"source/{path}": hashlib.sha256((source / path).read_bytes()).hexdigest() for path in files(source)}


def test_fetch_checks_and_keeps(
    home: Path, source: Path, served: str, sums: dict[str, str], files: Callable[[Path], list[str]]
) -> None:
    done = download.fetch_files("mine", Download(served, "source", sums))
    assert done.changed
    assert files(home / "data" / "mine") == files(source)
    assert len(datasets.load("mine").pairs) == 2


def test_fetch_refuses_other_bytes(
    home: Path, source: Path, served: str, sums: dict[str, str], files: Callable[[Path], list[str]]
) -> None:
    wrong = sums | {"source/pairs.tsv": hashlib.sha256(b"other").hexdigest()}
    with pytest.raises(DataError, match=r"source/pairs\.tsv: not kept: .*hash"):
        download.fetch_files("mine", Download(served, "source", wrong))
    assert files(home / "data") == []


def test_fetch_names_what_cannot_be_had(
    home: Path, source: Path, served: str, sums: dict[str, str], files: Callable[[Path], list[str]]
) -> None:
    (source / "pairs.tsv").unlink()
    with pytest.raises(DataError, match=r"source/pairs\.tsv: cannot be downloaded"):
        download.fetch_files("mine", Download(served, "source", sums))
    assert files(home / "data") == []


def test_fetching_offline_is_one_line(home: Path) -> None:
    with pytest.raises(DataError) as error:
        download.fetch("mkg-y", mirror="http://127.0.0.1:9/")
    told = str(error.value)
    assert told.startswith("http://127.0.0.1:9/MKG-Y/entity2id.txt: cannot be downloaded: no answer (is this")
    assert told.endswith("then type `kgprism data import mkg-y --from DIR`")
    assert "\n" not in told
    assert "Pool" not in told


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
    fetched = datasets.load("dbp15k-fr-en")
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
    assert len(datasets.load(name).test) == test
