"""``kgprism data features``: what is said of what was made, and what is refused before anything is read."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from kgprism.platform.cli import main
from kgprism.platform.data.catalogue import datasets

PLUGIN = """
from torch import nn
class Mean(nn.Module):
    def forward(self, pixels):
        return pixels.mean((2, 3))
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path) -> Iterator[Path]:
    """Make a dataset of one graph ``tiny``, its pictures, and an installed encoder ``mean``."""
    files = {"entities": "0\ta\n1\tb\n2\tc\n", "relations": "0\tr\n", "train": "0\t0\t1\n", "valid": "1\t0\t2\n"}
    (tmp_path / "tiny").mkdir()
    for name, text in {**files, "test": "2\t0\t0\n"}.items():
        (tmp_path / "tiny" / f"{name}.tsv").write_text(text)
    datasets.import_dataset("tiny", tmp_path / "tiny")
    (tmp_path / "on/mean-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "on/mean_of_a_test.py").write_text(PLUGIN)
    (tmp_path / "on/mean-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: mean\nVersion: 1.0\n")
    (tmp_path / "on/mean-1.0.dist-info/entry_points.txt").write_text("[kgprism.encoders]\nmean=mean_of_a_test:Mean\n")
    monkeypatch.syspath_prepend(tmp_path / "on")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (9, 9), "red").save(pictures / "0.png")
    (pictures / "b.png").write_bytes(b"")
    Image.new("RGB", (9, 9), "red").save(pictures / "nobody.png")
    yield pictures
    sys.modules.pop("mean_of_a_test", None)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["kgprism", "data", "features", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main.run()
    return int(left.value.code or 0)


def test_it_says_what_was_made_and_what_was_not(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("tiny", "--images", source, "--image-encoder", "mean", "--as", "image:red")
    assert run(monkeypatch, *asked) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "tiny image:red: made, width 3, float16"
    assert lines[1].startswith("mean (mean 1.0, torch 2")
    assert lines[2] == "kg: 1 of 3 entities have a vector; 2 pictures, 2 distinct, 1 unreadable"
    assert lines[3].startswith("2 encoded now; ")
    assert lines[3].endswith("data/tiny/features/image.red.kg.safetensors")
    assert lines[4] == "next: --set data.image=red"
    assert f"warning: 1 belong to no entity, such as {source / 'nobody.png'}" in said.err
    assert f"warning: {source / 'b.png'}: an empty file" in said.err
    assert run(monkeypatch, *asked) == 0
    assert "tiny image:red: there already, nothing changed" in capsys.readouterr().out


def test_as_json_it_names_every_file(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "tiny", "--images", source, "--image-encoder", "mean", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["modality"], found["set_name"], found["width"], found["changed"]) == ("image", "mean", 3, True)
    assert found["unreadable"] == [{"file": str(source / "b.png"), "reason": "an empty file"}]
    assert found["strangers"] == [str(source / "nobody.png")]
    assert found["counts"]["kg"]["with"] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say --images DIR, --texts names, or both"),
        (("--images", "x", "--texts", "names", "--as", "image"), "--as and --weights are for one of"),
        (("--texts", "names", "--image-encoder", "mean"), "--image-encoder mean: --images is missing"),
        (("--images", "nowhere"), "--images: nowhere: no such file or folder"),
        (("--images", ".", "--pool", "max"), "--pool: unknown word 'max'"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: tuple[str, ...],
    told: str,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "tiny", *words) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
