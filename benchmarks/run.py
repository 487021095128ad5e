"""What the code costs beside what the machine could do, in one run.

    .venv/bin/python benchmarks/run.py --what alignment-training --methods eva,mclea --json now.json

What each number means: docs/performance.md.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import alignment
import completion
import growth
import limits
import losses
import profiles
import sweep
import table
import theirs
import torch
import workers
from asked import Parser, parser
from machine import Setting, described

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.files import write_text

Rows = Iterable[dict[str, Any]]
#: What can be measured, in the order of `all`.
WHAT: dict[str, Callable[[Setting, Sequence[str]], Rows]] = {
    "limits": lambda setting, methods: limits.rows(setting),
    "losses": lambda setting, methods: losses.rows(setting),
    "alignment-training": lambda setting, methods: alignment.rows(setting, methods, ["training"]),
    "alignment-evaluation": lambda setting, methods: alignment.rows(setting, methods, ["evaluation"]),
    "completion-training": lambda setting, methods: completion.rows(setting, methods, ["training"]),
    "completion-evaluation": lambda setting, methods: completion.rows(setting, methods, ["evaluation"]),
    "sweep": lambda setting, methods: sweep.rows(setting),
    "growth": lambda setting, methods: growth.rows(setting, methods),
    "profile": lambda setting, methods: profiles.rows(setting, methods),
    "workers": lambda setting, methods: workers.rows(setting, methods),
}


#: What can be named, whatever is measured of it.
METHODS = {*alignment.METHODS, *completion.METHODS, *theirs.SETTINGS, "pykeen"}
METHODS |= {method for method, _ in completion.METHODS.values()}


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is asked for, print it, and write it."""
    command = parser(__doc__, list(WHAT), METHODS)
    asked = command.parse_args(words)
    names = ("threads", "rounds", "scale", "here", "memory_gb", "sizes", "theirs")
    setting = Setting(**{name: getattr(asked, name) for name in names})
    torch.set_num_threads(setting.threads)
    wanted = list(WHAT) if "all" in asked.what else [what for what in WHAT if what in asked.what]
    before = asked.against
    if before and before["machine"]["scale"] != setting.scale:
        command.error(f"--against is of scale {before['machine']['scale']}, not {setting.scale}: nothing to compare")
    found: dict[str, Any] = {"machine": described(setting), "rows": []}
    print(table.head(found["machine"]), flush=True)
    if before:
        print("beside", table.head(before["machine"]), flush=True)
    for what in wanted:
        print(table.title(what, before), flush=True)
        for row in WHAT[what](setting, asked.methods):
            found["rows"].append({**row, "threads": setting.threads})
            print(table.line(found["rows"][-1], before), flush=True)
            if asked.json:
                written(command, asked.json, found)
    if not found["rows"]:
        command.error("nothing was measured: none of --methods is among --what")
    return 0


def written(command: Parser, file: Path, found: dict[str, Any]) -> None:
    """Write what was found so far, or tell why not; what an earlier run wrote stays until then."""
    try:
        write_text(file, json.dumps(found, indent=1))
    except ConfigurationError as error:
        command.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
