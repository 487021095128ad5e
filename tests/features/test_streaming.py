"""Ray Data: the same bytes for any number of workers, errors in one line, and what a kill leaves behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kgprism
from kgprism.platform.errors import RunError
from kgprism.platform.features import encoding

PICTURES = 60
RUN = "from kgprism.platform.cli.main import run; run()"

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Write pictures of noise, five an entity."""
    folder, random = tmp_path / "noise", np.random.default_rng(0)
    for number in range(PICTURES):
        file = folder / f"kg{1 + number % 2}" / f"{number // 2 % 12}_{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 30, 3), np.uint8)).save(file)
    (folder / "kg1" / "5_999.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def shipped(plugin: Path) -> Iterator[None]:
    """Let Ray's workers have the plug-in's classes, though they were started before it was installed."""
    from ray import cloudpickle

    module = import_module("colours_of_a_test")
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def forget() -> None:
    """Take away what was encoded."""
    for file in (Path(os.environ["KGPRISM_HOME"]) / "cache/features").rglob("*.safetensors"):
        file.unlink()


@pytest.mark.ray
def test_the_bytes_are_the_same_for_any_number_of_workers(
    pictures: Path, shipped: None, cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "_PICTURES", 8)
    found = []
    for workers in (0, 1, 2, 4):
        made = kgprism.extract("small", images=pictures, encoder="colour", workers=workers)
        assert made.encoded == PICTURES + 1
        assert [(Path(place).name, why) for place, why in made.unreadable] == [
            ("5_999.png", "no picture of a known format")
        ]
        found.append([file.read_bytes() for file in made.files])
        forget()
    assert found[1:] == found[:1] * 3


@pytest.mark.ray
def test_texts_stream_too(shipped: None, cluster: None) -> None:
    found = []
    for workers in (0, 2):
        made = kgprism.extract("small", texts="names", encoder="letters", workers=workers)
        found.append([file.read_bytes() for file in made.files])
        forget()
    assert found[0] == found[1]


@pytest.mark.ray
def test_what_an_encoder_stumbles_over_is_one_line(pictures: Path, shipped: None, cluster: None) -> None:
    with pytest.raises(RunError, match=r"^encoder scalar: expected a vector for each of 1 items, got") as error:
        kgprism.extract("small", images=pictures, encoder="scalar", workers=1)
    assert "\n" not in str(error.value)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.ray)])
def test_killed_three_times_it_ends_with_the_same_bytes(workers: int, pictures: Path, plugin: Path) -> None:
    script = f"from kgprism.platform.features import encoding, work; encoding._PICTURES = 2\n{SLOW}\n{RUN}"
    home = Path(os.environ["KGPRISM_HOME"])
    command = [sys.executable, "-c", script, "data", "features", "small", "--images", str(pictures)]
    command += ["--image-encoder", "colour", "--workers", str(workers)]
    paths = os.pathsep.join([str(plugin), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    kept = [0]
    for _ in range(3):
        kept.append(killed(command, environment, lambda: shelf(home), kept[-1] + 3))
        assert kept[-1] > kept[-2]
        assert not (home / "data/small/features").exists()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = sorted((home / "data/small/features").glob("*.safetensors"))
    broken = [file.read_bytes() for file in files]
    assert shelf(home) > kept[-1]
    forget()
    whole = kgprism.extract("small", images=pictures, encoder="colour", to="image:whole", workers=0)
    # The chunks of this process are larger, but pictures are encoded one by one.
    assert [file.read_bytes() for file in whole.files] == broken


#: So that there is time to be killed in.
SLOW = "import time; encode = work.encode; work.encode = lambda *given: (time.sleep(0.15), encode(*given))[1]"


def shelf(home: Path) -> int:
    return len(list((home / "cache/features").rglob("[!.]*.safetensors")))


def killed(command: list[str], environment: dict[str, str], seen: Callable[[], int], enough: int) -> int:
    """Start a process, kill it without a warning once so many chunks are kept, and return how many there are."""
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + 240
    while seen() < enough:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return seen()
