"""The pages of all searches of a home, for its site; a search to which nothing has happened is not drawn again."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import optuna

from kgprism.platform.configuration import digest
from kgprism.platform.errors import DataError, KgprismError, first_line
from kgprism.platform.files import write_text
from kgprism.platform.home import home
from kgprism.platform.kept import Kept, read
from kgprism.platform.studies.reports.site.index import Search
from kgprism.platform.studies.search.after.findings import file_name, findings
from kgprism.platform.studies.search.after.page import page
from kgprism.platform.studies.search.after.repeats import repeated
from kgprism.platform.studies.search.driver import ATTRIBUTE
from kgprism.platform.studies.search.listing import Listed, named, searches
from kgprism.platform.studies.search.soundness import explain_damaged
from kgprism.platform.studies.store.runs import Store

#: Where the pages are, below the site, and what is known of them.
FOLDER, KNOWN = "searches", ".searches.json"
#: All code that has a say in what a page shows.
_CODE = Path(__file__).parents[2]


class Known(Kept):
    """What each search's page was made of, as a digest."""

    pages: dict[str, str]


def pages(site: Path, unreadable: Callable[[str], None], listener: Callable[[str], None] | None = None) -> list[Search]:
    """Write what has changed, and return a line of the index for each search; `listener` hears what is drawn.

    Raises:
        ConfigurationError: if a file cannot be written.
    """
    found, known = searches(None, unreadable), _known(site)
    code = digest([(file.name, file.stat().st_mtime_ns) for file in sorted(_CODE.rglob("*.*")) if file.is_file()])
    kept, lines = {}, []
    for one in found:
        file = f"{file_name(one.name)}.html"
        place, address = site / FOLDER / file, f"{FOLDER}/{quote(file)}"
        try:
            with explain_damaged(one.name):
                study, storage = named(one.name, one.storage)
                config, told = _config(one, storage), findings(study, storage)
                seeds = repeated(study, Store(), told.objectives[0])
                basis = digest(code, str(config), _state(study), one.state, [str(again) for again in seeds])
                if known.get(one.name) != basis or not place.is_file():
                    if listener:
                        listener(one.name)
                    write_text(place, page(told, config, seeds))
                kept[one.name] = basis
        except KgprismError as error:
            why = first_line(error)
            unreadable(why if one.name in why else f"{one.name}: {why}")
            address = ""
        lines.append(_line(one, address))
    if found:
        write_text(site / KNOWN, Known(pages=kept).model_dump_json())
    return lines


def _line(one: Listed, address: str) -> Search:
    return Search(
        name=one.name,
        method=one.method,
        dataset=one.dataset,
        trials=f"{one.trials}/{one.asked}" if one.asked else str(one.trials),
        objective=one.objective,
        best="" if one.best is None else f"{one.best:.3f}",
        state=one.state,
        page=address,
    )


def _config(one: Listed, storage: str) -> Path | None:
    """Return the file of the best configuration, where `tune` has left one beside the search."""
    found = sorted((home() / "studies").glob(f"*/{one.name}.yaml")) if not set(one.name) & set("*?[") else []
    return found[0] if found else None


def _state(study: optuna.Study) -> object:
    """Return what changes with whatever a study tells."""
    trials = study.get_trials(deepcopy=False)
    each = [
        (trial.number, trial.state.name, len(trial.intermediate_values), str(trial.datetime_complete), trial.user_attrs)
        for trial in trials
    ]
    return [each, {key: value for key, value in study.user_attrs.items() if key != ATTRIBUTE}]


def _known(site: Path) -> dict[str, str]:
    with suppress(DataError):  # all is drawn again
        if known := read(site / KNOWN, Known):
            return known.pages
    return {}
