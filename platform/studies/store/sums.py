"""Sums of a run's files, kept in its record: whatever is changed later is found."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: The record's own name among the sums; it has no sum of itself.
_OWN = "run.json"


def of_file(file: Path) -> str:
    """Return 32 digits that change with any byte of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def of_record(content: Mapping[str, Any]) -> str:
    """Return 32 digits that change with anything that a record says, other sums included, but not with its layout."""
    others = {name: word for name, word in content.get("sums", {}).items() if name != _OWN}
    plain = json.dumps({**content, "sums": others}, sort_keys=True)
    return hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()
