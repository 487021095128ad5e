"""What travels with a job."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from kgprism.platform.cluster import upload
from kgprism.platform.cluster.upload import LIMIT, Upload, code_files, gather, lay_out
from kgprism.platform.errors import ConfigurationError


def test_code_is_modules_and_settings_and_small() -> None:
    names = set(code_files())
    assert {"kgprism/platform/part.py", "kgprism/methods/loginmea.py", "kgprism/ablations/demo.yaml"} <= names
    assert "kgprism/__init__.py" in names
    assert not any(name.startswith("kgprism/platform/api/") for name in names)
    assert {Path(name).suffix for name in names} == {".py", ".yaml", ".jinja"}
    assert not any("test" in Path(name).parts or ".git" in name or ".venv" in name for name in names)
    # Sixteen times below our own limit, five hundred times below Ray's.
    assert Upload(code_files(), ()).size < LIMIT / 16 * 4


def test_uploaded_code_wins_and_knows_its_version(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    (installed / "kgprism/platform").mkdir(parents=True)
    (installed / "kgprism/__init__.py").write_text("")
    (installed / "kgprism/platform/home.py").write_text("HERE = 'installed'\n")
    lay_out(gather(["data", "list"], with_code=True), tmp_path)
    (tmp_path / "kgprism/platform/home.py").write_text("HERE = 'uploaded'\n")
    look = (
        "from importlib.metadata import version, requires; from kgprism.platform.home import HERE;"
        "print(HERE, version('kgprism'), any(line.startswith('torch') for line in requires('kgprism')))"
    )
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(installed)])}
    done = subprocess.run([sys.executable, "-c", look], env=path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["uploaded", version("kgprism"), "True"]


def test_files_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.yaml").write_text(folder)
    words = ["tune", str(tmp_path / "a/x.yaml"), str(tmp_path / "b/x.yaml"), str(tmp_path / "a/../a/x.yaml")]
    found = gather(words, with_code=False)
    assert found.words == ("tune", "x.yaml", "other_x.yaml", "x.yaml")
    assert {name: path.read_text() for name, path in found.files.items()} == {"x.yaml": "a", "other_x.yaml": "b"}


def test_an_absent_file_is_told_before_anything_is_sent() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: no such file"):
        gather(["ablate", "nowhere.yaml"], with_code=False)


def test_too_much_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(LIMIT)
    with pytest.raises(ConfigurationError, match=r"16 MiB, large\.yaml alone 16 MiB; at most 16 MiB"):
        gather(["ablate", str(large)], with_code=False)


def test_the_digest_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in upload._ROOMS:
        (tmp_path / room).mkdir()
    (tmp_path / "methods/x.py").write_text("a = 1\n")
    monkeypatch.setattr(upload, "_PLATFORM", tmp_path / "platform")
    before = upload.code_digest()
    (tmp_path / "methods/data.npz").write_text("no code")
    assert upload.code_digest() == before
    (tmp_path / "methods/x.py").write_text("a = 2\n")
    assert upload.code_digest() != before
