"""A hundred thousand small pictures: memory does not grow with their number, but for the vectors themselves."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kgprism.platform.data.catalogue import datasets

COUNT, FEW, WIDTH = 100_000, 10_000, 6

SCRIPT = """
import json, resource, sys, time
import kgprism
began = time.monotonic()
made = kgprism.extract(sys.argv[1], images=sys.argv[2], encoder="colour", workers=0)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([made.counts["kg"]["with"], made.encoded, peak, time.monotonic() - began]))
"""


def write(folder: Path, count: int) -> None:
    """Write a completion dataset with an entity a picture, and the pictures as one archive."""
    folder.mkdir()
    (folder / "entities.tsv").write_text("".join(f"{n}\te{n}\n" for n in range(count)))
    (folder / "relations.tsv").write_text("0\tnext\n")
    for part in ("train", "valid", "test"):
        (folder / f"{part}.tsv").write_text("0\t0\t1\n")
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for n in range(count):
            picture = Image.fromarray(np.frombuffer((n + count).to_bytes(4, "big") * 48, np.uint8).reshape(8, 8, 3))
            with archive.open(f"{n}.bmp", "w") as stream:
                picture.save(stream, "BMP")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_memory_does_not_hang_on_how_many_there_are(tmp_path: Path, plugin: Path) -> None:
    peaks = {}
    for count in (FEW, COUNT):
        write(tmp_path / str(count), count)
        datasets.import_dataset(f"many-{count}", tmp_path / str(count))
        command = [sys.executable, "-c", SCRIPT, f"many-{count}", str(tmp_path / str(count) / "pictures.zip")]
        paths = os.pathsep.join([str(plugin), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=True
        )
        have, encoded, peaks[count], seconds = json.loads(done.stdout)
        assert (have, encoded) == (count, count)
        print(f"{count:,} pictures: {seconds:.0f} s, {peaks[count] / 2**20:,.0f} MiB")
    # What is held of a picture is where it lies, whose it is and its digest: no pixels, and no vectors but the result.
    assert peaks[COUNT] - peaks[FEW] < (COUNT - FEW) * 3_000
