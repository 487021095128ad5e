"""What the code costs beside what the machine could do, in one run.

    .venv/bin/python benchmarks/run.py --what alignment-training --methods eva,mclea --json now.json

What each number means: docs/performance.md.
"""

import argparse
import json
import os
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
import torch
import workers
from machine import Setting, described

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


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is asked for, print it, and write it."""
    parser = arguments()
    asked = parser.parse_args(words)
    setting = Setting(
        threads=os.cpu_count() or 1 if asked.threads == "all" else int(asked.threads),
        rounds=asked.rounds,
        scale=asked.scale,
        here=asked.here,
        memory_gb=asked.memory_gb,
        sizes=tuple(int(size) for size in asked.sizes.split(",")),
        theirs=asked.theirs,
    )
    torch.set_num_threads(setting.threads)
    if unknown := [what for what in asked.what if what not in {*WHAT, "all"}]:
        parser.error(f"nothing is called {', '.join(unknown)}; there are {', '.join(WHAT)}, or all")
    wanted = list(WHAT) if "all" in asked.what else [what for what in WHAT if what in asked.what]
    methods = [name for name in asked.methods.split(",") if name]
    found: dict[str, Any] = {"machine": described(setting), "rows": []}
    try:
        before = earlier(asked.against, found["machine"]) if asked.against else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(table.head(found["machine"]), flush=True)
    if before:
        print("beside", table.head(before["machine"]), flush=True)
    for what in wanted:
        print(table.title(what, before), flush=True)
        lines = len(found["rows"])
        for row in WHAT[what](setting, methods):
            found["rows"].append({**row, "threads": setting.threads})
            print(table.line(found["rows"][-1], before), flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
        if len(found["rows"]) == lines:
            print(f"nothing here for --methods {asked.methods}", flush=True)
    return 0


def earlier(file: Path, machine: dict[str, Any]) -> dict[str, Any]:
    """Return what an earlier run wrote. ValueError: it is no such file, or of data of another scale."""
    try:
        before: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        scale = before["machine"]["scale"]
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"{file} was not written by --json") from None
    if scale != machine["scale"]:
        raise ValueError(f"{file} has data of scale {scale}, this run {machine['scale']}: nothing to compare")
    return before


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--what", type=what, default=["limits"], help=f"some of {', '.join(WHAT)}, or all")
    parser.add_argument("--json", type=Path, help="written after every line")
    parser.add_argument("--against", type=Path, help="an earlier --json: adds old / new")
    parser.add_argument("--methods", default="", help="some methods only, with commas")
    parser.add_argument("--rounds", type=int, default=2, help="of which the best counts")
    parser.add_argument("--threads", default="1", help="a number, or all")
    parser.add_argument("--scale", type=float, default=1.0, help="on the sizes, for a trial")
    parser.add_argument("--sizes", default="10000,30000,100000,300000,1000000", help="of growth: entities a side")
    parser.add_argument("--memory-gb", type=float, default=16.0, help="of growth: where sizes stop")
    parser.add_argument("--theirs", type=int, default=200, help="test triples for PyKEEN, scaled up; 0: all")
    parser.add_argument("--here", action="store_true", help="all in this process, without peak memory: for a trial")
    return parser


if __name__ == "__main__":
    sys.exit(main())
