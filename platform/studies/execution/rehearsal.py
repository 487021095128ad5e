"""Which runs of a suite can start: each is built of a small part of its data before anything is started."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from kgprism.platform import configuration
from kgprism.platform.data.graph import Dataset
from kgprism.platform.data.inputs.excerpt import excerpt
from kgprism.platform.errors import KgprismError
from kgprism.platform.studies.store.runs import CANNOT, Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.training.run import Run, built, chosen_data

#: What is asked of the data by none of these keys.
_OF_NO_DATA = ("train.", "eval.")
#: What a part of the data may raise where the whole would not: the run itself will tell.
_UNKNOWN = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def refusals(
    cells: Iterable[Cell],
    datasets: Mapping[str, Dataset],
    store: Store,
    built: Collection[tuple[str, str]] = (),
) -> dict[str, str]:
    """Return why runs that are not finished cannot start, in one line by run id.

    A run is built of a part of its data, and only if that is refused of the whole; once for each dataset and
    configuration that asks something else of it. Rows that were `built` of their dataset before are not built again.
    """
    parts: dict[str, Dataset] = {}
    known: dict[str, str] = {}
    confirmed: dict[tuple[str, str, str], str] = {}
    found: dict[str, str] = {}
    for run_id, run in {c.run.id: c.run for c in cells if (c.variant, c.dataset) not in built}.items():
        if store.has(run_id):
            continue
        key = _requirement(run)
        if key not in known:
            known[key] = _told(run, datasets[run.dataset], parts, confirmed)
        if known[key]:
            found[run_id] = known[key]
    return found


def _told(run: Run, dataset: Dataset, parts: dict[str, Dataset], confirmed: dict[tuple[str, str, str], str]) -> str:
    """Return why a run cannot be built; `parts` of data by fingerprint and `confirmed` reasons are kept for others."""
    try:
        whole = chosen_data(run, dataset)
    except KgprismError as error:
        return str(error)
    if whole.fingerprint not in parts:
        parts[whole.fingerprint] = excerpt(whole)
    reason = _refusal(run, parts[whole.fingerprint])
    same = (run.method, whole.fingerprint, reason)
    if reason and same not in confirmed:
        confirmed[same] = _refusal(run, whole)
    return confirmed[same] if reason else ""


def startable(
    cells: Iterable[Cell], datasets: Mapping[str, Dataset], store: Store
) -> tuple[list[Cell], dict[str, str]]:
    """Return the cells whose runs can start, and the reasons of the others, noted in the store for the table.

    Raises:
        KgprismError: the reason, if nothing can start and nothing is finished.
    """
    cells = list(cells)
    reasons = refusals(cells, datasets, store)
    able = [cell for cell in cells if cell.run.id not in reasons]
    if cells and not able:
        raise KgprismError(next(iter(reasons.values())))
    for run_id, reason in reasons.items():
        store.fail(run_id, CANNOT + reason)
    return able, reasons


def _requirement(run: Run) -> str:
    """Digest what a run asks of its data; seeds, rates and the like ask nothing."""
    asked = {
        key: value
        for key, value in run.configuration.items()
        if key == "eval.valid_ratio" or not key.startswith(_OF_NO_DATA)
    }
    return configuration.digest(run.method, run.dataset, asked)


def _refusal(run: Run, dataset: Dataset) -> str:
    """Return why a run cannot be built of this data, empty if it can."""
    changes = {"train.device": "cpu"}
    if run.configuration.get("data.text") == "sentences":  # a language model is needed for the vectors, not to tell
        changes["data.text"] = "labels"
    try:
        built(replace(run, configuration={**run.configuration, **changes}), dataset)
    except KgprismError as error:
        return str(error)
    except _UNKNOWN:
        return ""
    return ""
