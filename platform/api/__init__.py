"""kgprism in a notebook: data, runs, searches and published tables; and what a method of one's own is made of.

    load_dataset("toy")                            a dataset by its name in `kgprism data list`
    to_pyg("toy"), from_pyg(data)                  a dataset as PyTorch Geometric's HeteroData, and back
    extract("NAME", images=..., encoder="clip")    a dataset's features from raw pictures or texts: a set in the home
    train("loginmea", "toy", overrides={...})      train and judge a method: a Record; a finished run is only read
    tune("loginmea", "toy", trials=8)              search its settings: a Sweep with best, overrides, trials
    ablate("loginmea_table3", "toy", seeds=1)      run what a suite lacks, then its table
    table("loginmea_table3")                       a suite's published and measured numbers: a DataFrame
    runs(keys=["train.epochs"])                    what is in the store: a DataFrame, a row a run

Of a Record: .metric("valid", "test/l2r/mrr"), .history(), .ranks("valid"), .configuration, .folder. What a user can
mend is a KgprismError of one line. `kgprism methods list` and `kgprism data list` print the names; help(kgprism.train)
and so on tell the rest. Method, Alignment, Completion, Module, Part, Slot and Settings are for a method of one's own.

Nothing is loaded before it is asked for: the command line passes through here too, and torch takes seconds.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgprism.platform.data.pyg import from_pyg
    from kgprism.platform.errors import KgprismError
    from kgprism.platform.features.extraction import extract
    from kgprism.platform.method import Alignment, Completion, Method
    from kgprism.platform.module import Module
    from kgprism.platform.notebook import ablate, load_dataset, runs, table, to_pyg, train, tune
    from kgprism.platform.part import Part, Settings, Slot

    __version__: str

__all__ = [
    "Alignment",
    "Completion",
    "KgprismError",
    "Method",
    "Module",
    "Part",
    "Settings",
    "Slot",
    "ablate",
    "extract",
    "from_pyg",
    "load_dataset",
    "runs",
    "table",
    "to_pyg",
    "train",
    "tune",
]

_MODULES = {
    "data.pyg": ("from_pyg",),
    "errors": ("KgprismError",),
    "features.extraction": ("extract",),
    "method": ("Alignment", "Completion", "Method"),
    "module": ("Module",),
    "notebook": ("ablate", "load_dataset", "runs", "table", "to_pyg", "train", "tune"),
    "part": ("Part", "Settings", "Slot"),
}

# Before torch takes memory for the first time: large tensors then lie on large pages (2 MB, Linux). With small ones,
# the kernel's first touch of each page costs more than what is computed there. Whoever sets it to 0 is left alone.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# Installed, this is kgprism/__init__.py and the rooms lie beside it. In a checkout it is platform/api/__init__.py, and
# they are folders of the root.
if not os.path.isdir(os.path.join(__path__[0], "platform")):
    __path__.append(os.path.abspath(os.path.join(__path__[0], "..", "..")))


def __getattr__(name: str) -> Any:
    for module, words in _MODULES.items():
        if name in words:
            found = globals()[name] = getattr(import_module(f"kgprism.platform.{module}"), name)
            return found
    if name == "__version__":
        return import_module("importlib.metadata").version("kgprism")
    raise AttributeError(f"module 'kgprism' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
