"""In which settings finished runs differ."""

import json
from collections.abc import Iterable

from kgprism.platform.studies.store.record import Record


def varying(records: Iterable[Record]) -> list[str]:
    """Return the keys that have several values among runs of one method, those with the most values first."""
    values: dict[tuple[str, str], set[str]] = {}
    for record in records:
        for key, value in record.configuration.items():
            values.setdefault((record.method, key), set()).add(json.dumps(value, sort_keys=True))
    several = sorted((-len(found), key) for (_, key), found in values.items() if len(found) > 1)
    return list(dict.fromkeys(key for _, key in several))
