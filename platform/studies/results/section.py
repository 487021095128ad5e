"""The section of a passport: title, command, with what it was made, epochs, table, what is missing, its text."""

from collections.abc import Iterator
from pathlib import Path

from kgprism.platform.errors import DataError, KgprismError
from kgprism.platform.studies.reports.notes import where
from kgprism.platform.studies.reports.text import piped
from kgprism.platform.studies.reports.words import one_line
from kgprism.platform.studies.results import tables
from kgprism.platform.studies.results.commands import commands
from kgprism.platform.studies.results.epochs import epochs
from kgprism.platform.studies.results.facts import facts
from kgprism.platform.studies.results.unpacking import Opened, opened

#: What a section says in place of a command.
_NO_COMMAND = "Asked for from Python, in parts that no single command asks for."


def section(file: Path, text: str) -> str:
    """Return a passport's section in Markdown, `text` last.

    Raises:
        DataError: if the file is no passport, was changed, or says what this version cannot read; naming it.
    """
    try:
        with opened(file) as found:
            blocks = [*_blocks(found, file.name), *([text] if text else [])]
    except KgprismError as error:
        told = str(error)
        raise DataError(told if told.startswith(f"{file}: ") else f"{file}: {told}") from None
    return "\n\n".join(blocks)


def _blocks(found: Opened, name: str) -> Iterator[str]:
    suite, cells, records = found.suite, found.manifest.cells, list(found.records.values())
    newest = max(record.finished for record in records)[:10]
    typed = commands(suite, found.manifest)
    yield f"## {one_line(suite.title or suite.suite)} ({newest})"
    yield "\n".join(["```", *typed, "```"]) if typed else _NO_COMMAND
    yield f"{facts(records)} Passport: `{name}`."
    yield tables.markdown(piped(epochs(suite, cells, found.records, found.manifest.preset)))
    table = tables.table_of(found)
    yield from tables.lines(table)
    yield tables.notes(found, table)
    if missing := _missing(found):
        yield f"**Not run**, though asked for: {'; '.join(missing)}."


def _missing(found: Opened) -> list[str]:
    """Name the cells that are not finished: rows that lack the same seeds of a panel stand together."""
    titles = {row.id: one_line(found.suite.named(row.id)) for row in found.suite.variants}
    seeds: dict[tuple[str, str], list[int]] = {}
    for cell in found.manifest.cells:
        if cell.run.id not in found.records:
            place = where(cell.dataset, cell.seed_ratio)
            seeds.setdefault((place, titles.get(cell.variant, cell.variant)), []).append(cell.seed)
    rows: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for (place, row), some in seeds.items():
        rows.setdefault((place, tuple(sorted(some))), []).append(row)
    return [
        f"{', '.join(names)} on {place}, seed{'s' if len(some) > 1 else ''} {', '.join(map(str, some))}"
        for (place, some), names in rows.items()
    ]
