"""Benchmarks from their public addresses, each file checked against its sum before anything is kept."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pooch

from kgprism.platform.data import catalogue
from kgprism.platform.data.catalogue import Imported
from kgprism.platform.data.published import BENCHMARKS
from kgprism.platform.errors import DataError, nearest


@dataclass(frozen=True)
class Download:
    """Files below one address: path -> sha256. ``folder`` is the one of them that is read as a dataset."""

    address: str
    folder: str
    files: Mapping[str, str]


#: Only files whose bytes were at hand when this was written: a sum must come from the file, not from the download.
DOWNLOADS = {
    "dbp15k-fr-en": Download(
        "https://raw.githubusercontent.com/lzxlin/MCLEA/6946d433a8bab2a1a7d8c88af046d74efa72f7b0/data/DBP15K/",
        "fr_en",
        {
            "fr_en/ent_ids_1": "8c5c96ba6ef3b3a7791f2ee33e0a779049e4fee36aac77c813814964a23b4401",
            "fr_en/ent_ids_2": "9e14e2ae75c45d18fc1fd310657dfd2b84925e625ceb89f96b7775f6218e042c",
            "fr_en/ill_ent_ids": "ba1c4b07e67ab2581d6ca11038e9f527b08666fe5bedad3a95cb7f61579a3c64",
            "fr_en/triples_1": "318c50b356055ccfdbb98d6733ecb8213b3f0ee8f2222cd9733e2d6ef04f5718",
            "fr_en/triples_2": "38508926b2e93dae9bb9b066e308cbb11545e62fa93239b574b53f496aeb2f1c",
            "translated_ent_name/dbp_fr_en.json": "9a76ccc43353f9e8e27c214d6fef401de866dbda751d39c176470adc5cce35c0",
        },
    ),
}


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
    return carry(name, DOWNLOADS[name], mirror=mirror, replace=replace)


def carry(name: str, download: Download, *, mirror: str | None = None, replace: bool = False) -> Imported:
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
                raise DataError(f"{source.get_url(path)}: cannot be downloaded: {error}") from None
        return catalogue.bring(name, Path(place) / download.folder, replace=replace)
