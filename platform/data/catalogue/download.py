"""Benchmarks from their public addresses, each file checked against its sum before anything is kept."""

import tempfile
from pathlib import Path

import pooch

from kgprism.platform.data.catalogue import datasets
from kgprism.platform.data.catalogue.addresses import DOWNLOADS, Download
from kgprism.platform.data.catalogue.datasets import Imported
from kgprism.platform.data.catalogue.published import BENCHMARKS
from kgprism.platform.errors import DataError, first_line, nearest


def fetch(name: str, *, mirror: str | None = None, replace: bool = False) -> Imported:
    """Download a benchmark, check every file's sum, read it, and keep it in the home.

    Raises:
        DataError: if its files have no address known here (it says where they are), if a file cannot be had or is
            not the published one, or if other data have that name.
    """
    if name not in BENCHMARKS:
        raise DataError(f"no dataset '{name}' to fetch{nearest(name, BENCHMARKS)}")
    if name not in DOWNLOADS:
        raise DataError(
            f"{name} cannot be fetched, since no sums of its files are known here: download it by hand from "
            f"{BENCHMARKS[name].source}, then type `kgprism data import {name} --from DIR`"
        )
    return fetch_files(name, DOWNLOADS[name], mirror=mirror, replace=replace)


def fetch_files(name: str, download: Download, *, mirror: str | None = None, replace: bool = False) -> Imported:
    """Do what `fetch` says for any list of files; `mirror` is another address that has them."""
    pooch.get_logger().setLevel("ERROR")
    with tempfile.TemporaryDirectory(prefix="kgprism-") as place:
        source = pooch.create(
            path=place,
            base_url=(mirror or download.address).rstrip("/") + "/",
            registry={path: f"sha256:{digest}" for path, digest in download.files.items()},
        )
        for path in download.files:
            try:
                source.fetch(path)
            except ValueError as error:
                raise DataError(f"{source.get_url(path)}: not kept: {error}") from None
            except OSError as error:
                raise DataError(f"{source.get_url(path)}: cannot be downloaded: {_reason(error, name)}") from None
        return datasets.import_dataset(name, Path(place) / download.folder, replace=replace)


def _reason(error: OSError, name: str) -> str:
    """Say what stopped a download, in one line; an error without a response is one of the connection."""
    if getattr(error, "response", error) is not None:
        return first_line(error)[:200]
    source = f" from {BENCHMARKS[name].source}" if name in BENCHMARKS else ""
    return (
        f"no answer (is this machine offline?); elsewhere, download it{source}, then type "
        f"`kgprism data import {name} --from DIR`"
    )
