"""What travels to a cluster with a job: nothing, the user's own YAML files, or this machine's code without any data."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

from kgprism.platform.errors import ConfigurationError

#: In bytes. Ray refuses packages from 512 MiB on and keeps them in the head's memory; code and settings need far less.
LIMIT = 16 * 1024**2

_PLATFORM = Path(__file__).parents[1]
_ROOMS = ("platform", "methods", "search_spaces", "ablations")
_CODE = {".py", ".yaml", ".jinja"}


@dataclass(frozen=True)
class Upload:
    """Files by the name they get on the cluster, and the command's words with these names in place of local paths."""

    files: Mapping[str, Path]
    words: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return bytes before compression."""
        return sum(path.stat().st_size for path in self.files.values())


def code_files() -> dict[str, Path]:
    """Return this project's modules, suites and search spaces, checkout or wheel, by their names as installed."""
    rooms = {room: _PLATFORM.parent / room for room in _ROOMS}
    # The package itself, without which an installed one would win: platform/api in a checkout (pyproject.toml).
    face = _PLATFORM.parent / "__init__.py"
    return ({"kgprism/__init__.py": face} if face.is_file() else {}) | {
        f"kgprism/{room}/{path.relative_to(folder).as_posix()}".replace("/platform/api/", "/"): path
        for room, folder in rooms.items()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _CODE and path.is_file()
    }


def code_digest() -> str:
    """Return eight letters that change with any file of `code_files`."""
    found = sha256()
    for name, path in code_files().items():
        found.update(f"{name}\0{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:8]


def gather(words: Sequence[str], with_code: bool) -> Upload:
    """Collect the YAML files that a command names, and the code where it is asked for.

    Raises:
        ConfigurationError: if a named file is absent, or all together are too large.
    """
    files: dict[str, Path] = code_files() if with_code else {}
    renamed = []
    for word in words:
        path = Path(word)
        if path.suffix not in (".yaml", ".yml") or word.startswith("-") or "=" in word:
            renamed.append(word)
            continue
        if not path.is_file():
            raise ConfigurationError(f"{word}: no such file on this machine, nothing is submitted")
        name = path.name
        while files.get(name, path).resolve() != path.resolve():
            name = f"other_{name}"
        files[name] = path
        renamed.append(name)
    upload = Upload(files, tuple(renamed))
    if upload.size >= LIMIT:
        name, largest = max(files.items(), key=lambda item: item[1].stat().st_size)
        sizes = f"{upload.size / 1024**2:.0f} MiB, {name} alone {largest.stat().st_size / 1024**2:.0f} MiB"
        raise ConfigurationError(f"the upload has {sizes}; at most {LIMIT // 1024**2} MiB: data do not go with a job")
    return upload


def lay_out(upload: Upload, folder: Path) -> None:
    """Copy the files as they shall lie on the cluster; code comes with the metadata that names its version."""
    for name, path in upload.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    if (folder / "kgprism").is_dir():
        found = distribution("kgprism")
        about = folder / f"kgprism-{found.version}.dist-info"
        about.mkdir()
        text = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
        (about / "METADATA").write_text(text, encoding="utf-8")
