"""What the index tells of a suite's table; kept beside the pages, so that what has not changed is not made again."""

from collections import Counter
from collections.abc import Mapping

from kgprism.platform.kept import Kept
from kgprism.platform.settings import METRICS
from kgprism.platform.studies.reports import words
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.notes import where
from kgprism.platform.studies.suites.suite import Suite

#: Panels of which the index shows numbers.
MOST = 3


class Number(Kept):
    """One panel: the full method's number, and the best other row where that is better."""

    panel: str
    metric: str
    full: str
    best: str = ""
    row: str = ""


class Told(Kept):
    """A suite on the index; ``basis`` digests all that its page was made of, ``endings`` are those of its files."""

    basis: str
    title: str
    paper: dict[str, str]
    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    numbers: tuple[Number, ...]
    panels: int
    verdicts: dict[str, int]
    endings: tuple[str, ...]
    trouble: str = ""


class Index(Kept):
    """The file that keeps them, by the names of their pages."""

    suites: dict[str, Told]


def told(suite: Suite, table: Table, basis: str, endings: tuple[str, ...], trouble: str) -> Told:
    """Return what the index tells of a suite."""
    verdicts = Counter(entry.verdict.word for row in table.rows for entry in row.entries if entry.verdict)
    places = list(dict.fromkeys(column.place for column in table.columns))
    numbers = [number for place in places if (number := _number(table, place))]
    return Told(
        basis=basis,
        title=words.one_line(table.title or table.suite),
        paper=dict(table.paper),
        methods=tuple(suite.methods),
        datasets=tuple(dict.fromkeys(place[0] for place in places)),
        numbers=tuple(numbers[:MOST]),
        panels=len(numbers),
        verdicts=dict(verdicts.most_common()),
        endings=endings,
        trouble=trouble,
    )


def told_before(
    plain: Mapping[str, object], name: str, methods: tuple[str, ...], datasets: tuple[str, ...], trouble: str
) -> Told:
    """Return what is left to tell of a suite whose file is gone: what its manifest and its kept table say."""
    given, title = plain.get("paper"), plain.get("title")
    paper = {key: given.get(key) if isinstance(given, dict) else "" for key in ("key", "table", "url")}
    return Told(
        basis="",
        title=words.one_line(title) if isinstance(title, str) and title.strip() else name,
        paper={key: word if isinstance(word, str) else "" for key, word in paper.items()},
        methods=methods,
        datasets=datasets,
        numbers=(),
        panels=0,
        verdicts={},
        endings=(),
        trouble=trouble,
    )


def _number(table: Table, place: tuple[str, float | None]) -> Number | None:
    """Return a panel's MRR, or its first metric where there is none; nothing where nothing is measured."""
    numbers = [n for n, column in enumerate(table.columns) if column.place == place]
    n = next((n for n in numbers if table.columns[n].metric == "mrr"), numbers[0])
    column, lowest = table.columns[n], METRICS[table.columns[n].metric].lowest
    known = [(row, mean) for row in table.rows if row.measured and (mean := row.entries[n].mean) is not None]
    if not known:
        return None
    full = next((mean for row, mean in known if row.full), None)
    row, best = (min if lowest else max)(known, key=lambda pair: pair[1])
    better = {} if row.full else {"best": words.number(table, column, best), "row": words.titled(table, row)}
    title = words.TITLES[column.metric]
    return Number(panel=where(*place), metric=title, full=words.number(table, column, full), **better)
