"""Which datasets can be named; no reader is loaded to list them."""

from dataclasses import dataclass
from typing import Literal

from kgprism.platform.data.catalogue.published import BENCHMARKS
from kgprism.platform.home import home

#: The built-in datasets and their tasks.
BUILT_IN = {"toy": "alignment", "toy-completion": "completion"}
#: Behind a completion dataset's name: that dataset with a tenth of train, drawn with seed 0, as its validation part.
HOLDOUT = "_holdout"


@dataclass(frozen=True)
class Entry:
    """A dataset that can be named. ``task`` is empty for the user's own data, which are not opened to list them."""

    name: str
    origin: Literal["built in", "benchmark", "own"]
    task: str
    present: bool


def names() -> list[Entry]:
    """Return the built-in datasets, the known benchmarks whether present or not, and the user's own."""
    data = home() / "data"
    found = [Entry(name, "built in", task, True) for name, task in BUILT_IN.items()]
    found += [Entry(name, "benchmark", known.task, (data / name).is_dir()) for name, known in BENCHMARKS.items()]
    found.append(Entry(f"db15k{HOLDOUT}", "benchmark", "completion", (data / "db15k").is_dir()))
    known = {*BENCHMARKS, *BUILT_IN}  # a built-in dataset has a folder there too, if it has feature sets
    own = sorted(path.name for path in data.glob("[!.]*") if path.is_dir() and path.name not in known)
    return found + [Entry(name, "own", "", True) for name in own]
