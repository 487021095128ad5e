"""Two small graphs as files."""

from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.fixture
def files() -> Callable[[Path], list[str]]:
    """Tell every file below a folder, hidden ones included."""
    return lambda folder: sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
