"""``import kgprism``: what a notebook needs, nothing that is not asked for, and everything below it as before."""

import ast
import multiprocessing
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import kgprism
from kgprism.platform.errors import first_line
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.suite import suite_names

CALLS = ("ablate", "extract", "from_pyg", "load_dataset", "runs", "table", "to_pyg", "train", "tune")
(README,) = re.findall(
    r"^```python\n(.*?)^```", (Path(__file__).parents[2] / "README.md").read_text(), re.DOTALL | re.MULTILINE
)
SOURCE = ast.parse(Path(str(kgprism.__file__)).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", kgprism.__all__)
def test_a_public_name_is_what_its_module_calls_so(name: str) -> None:
    found = getattr(kgprism, name)
    assert found is getattr(kgprism, name)
    module = next(module for module, words in kgprism._MODULES.items() if name in words)
    assert found is getattr(sys.modules[f"kgprism.platform.{module}"], name)


def test_other_names_are_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'kgprism' has no attribute 'tarin'"):
        _ = kgprism.tarin


def test_completion_and_type_checkers_see_the_same_names() -> None:
    assert dir(kgprism) == sorted(kgprism.__all__)
    block = next(node for node in SOURCE.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    lines = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {str(node.module): tuple(alias.name for alias in node.names) for node in lines}
    assert seen == {f"kgprism.platform.{module}": words for module, words in kgprism._MODULES.items()}
    assert sorted(kgprism.__all__) == sorted(name for words in seen.values() for name in words)


def test_importing_it_loads_nothing_that_takes_long() -> None:
    code = "import sys, kgprism; print(sorted({'torch', 'ray', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_modules_below_it_are_found_by_a_spawned_process() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(first_line, "here\nnot here").result() == "here"


def test_its_docstring_has_a_line_on_each_call() -> None:
    told = str(kgprism.__doc__)
    assert all(re.search(rf"^    .*\b{name}\(", told, re.MULTILINE) for name in CALLS)
    assert all(name in told for name in kgprism.__all__)
    assert all(hasattr(Record, name) for name in ("metric", "history", "ranks"))


def test_what_is_installed_says_its_version() -> None:
    assert kgprism.__version__ == version("kgprism")


def test_the_lines_of_the_readme_run() -> None:
    made: dict[str, Any] = {}
    exec(README, made)
    assert {"published", "measured"} <= set(made["frame"])
    assert made["record"].configuration["train.epochs"] == 5
    assert kgprism.from_pyg(made["data"]).fingerprint == kgprism.load_dataset("toy").fingerprint


def test_the_readme_shows_every_suite_as_published() -> None:
    """Not one number of the paper is averaged with another, doubled or lost."""
    columns, shown = [
        line
        for line in ast.parse(README).body
        if "columns" in {n.id for n in ast.walk(line) if isinstance(n, ast.Name)}
    ]
    for name in suite_names():
        made: dict[str, Any] = {"frame": kgprism.table(name)}
        exec(ast.unparse(columns), made)
        wide = eval(ast.unparse(shown), made)
        cells = {
            (row, *(None if word != word else word for word in column)): wide.iat[i, j]
            for i, row in enumerate(wide.index)
            for j, column in enumerate(wide.columns)
            if wide.iat[i, j] == wide.iat[i, j]
        }
        assert cells == {
            (
                (r.group, r.label),
                "published",
                r.dataset,
                None if r.seed_ratio != r.seed_ratio else r.seed_ratio,
                r.metric,
            ): r.published
            for r in made["frame"].itertuples()
            if r.published == r.published
        }, name
        assert wide.shape[1] == 2 * len(made["frame"][["dataset", "seed_ratio", "metric"]].drop_duplicates()), name


@pytest.mark.ray
def test_modules_below_it_are_found_by_a_worker_of_ray(cluster: None) -> None:
    import ray

    assert ray.get(ray.remote(first_line).remote("here\nnot here")) == "here"
