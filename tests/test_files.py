"""What is written is whole or absent."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kgprism.platform.errors import ConfigurationError, DataError, first_line
from kgprism.platform.files import replacing, write_text


def test_a_file_takes_the_place_of_another(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.json"
    for text in ("old", "new"):
        with replacing(target) as scratch:
            scratch.write_text(text, encoding="utf-8")
        assert target.read_text(encoding="utf-8") == text
    assert os.listdir(target.parent) == ["file.json"]


@pytest.mark.parametrize("folder", [False, True])
def test_an_error_leaves_nothing_and_changes_nothing(tmp_path: Path, folder: bool) -> None:
    (tmp_path / "kept").write_text("old", encoding="utf-8")

    def write() -> None:
        with replacing(tmp_path / "kept") as scratch:
            if folder:
                scratch.mkdir()
            (scratch / "part" if folder else scratch).write_text("new", encoding="utf-8")
            raise DataError("no")

    with pytest.raises(DataError):
        write()
    assert os.listdir(tmp_path) == ["kept"]
    assert (tmp_path / "kept").read_text(encoding="utf-8") == "old"


def test_a_folder_does_not_replace_one_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").touch()
    with pytest.raises(OSError, match="not empty"), replacing(tmp_path / "run") as scratch:
        scratch.mkdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "old"]


def test_a_kill_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("old", encoding="utf-8")
    code = (
        "import os, signal, sys; from pathlib import Path; from kgprism.platform.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as scratch:\n"
        "    scratch.write_text('new'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path / "kept")], check=False)
    assert died.returncode == -signal.SIGKILL
    assert (tmp_path / "kept").read_text(encoding="utf-8") == "old"


def test_a_name_as_long_as_can_be_is_replaced(tmp_path: Path) -> None:
    with replacing(tmp_path / (255 * "x")) as scratch:
        scratch.write_text("new", encoding="utf-8")
    assert os.listdir(tmp_path) == [255 * "x"]


def test_a_text_is_utf_8_and_follows_links(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for text in ("Δ", "Δ \udce9"):
        write_text(tmp_path / "link", text)
    assert (tmp_path / "there").read_bytes() == "Δ ?".encode()
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "Is a directory"),
        ("file/x", "a file stands where its folder belongs"),
        (300 * "x", "File name too long"),
        ("a\0b", "null"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_a_place_where_no_text_can_be_is_named(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        write_text(tmp_path / name, "text")
    assert str(caught.value).startswith(f"{tmp_path / name}: cannot be written: ")
    assert told in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def test_a_link_that_leads_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "table.md").symlink_to("table.md")
    with pytest.raises(ConfigurationError, match=r"table\.md: cannot be written: Symlink loop"):
        write_text(tmp_path / "table.md", "text")
    assert (tmp_path / "table.md").is_symlink()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(tmp_path / "table.md", "old")

    def full(path: Path, data: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ConfigurationError, match=r"table\.md: cannot be written: No space left on device"):
        write_text(tmp_path / "table.md", "new")
    assert os.listdir(tmp_path) == ["table.md"]
    assert (tmp_path / "table.md").read_bytes() == b"old"


def test_first_line() -> None:
    assert first_line(ValueError("\n  one \ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
    assert first_line("") == ""
