"""A table as LaTeX with booktabs: published, measured, difference; best bold, second underlined."""

from kgprism.platform.studies.table import Table
from kgprism.platform.studies.words import TITLES, delta, measured, number, panels, quoted, standing

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "—": "---",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def escape(text: str) -> str:
    """Return text that LaTeX prints as it is."""
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def latex(table: Table) -> str:
    """Return a ``table*`` that needs the package booktabs; one block of rows a dataset and seed ratio."""
    metrics = list(dict.fromkeys(column.metric for column in table.columns))
    names = ["pub.", "measured", r"$\Delta$"] if quoted(table) else ["measured", r"$\Delta$"]
    each = len(names)
    width = 1 + each * len(metrics)
    heads = " & ".join(rf"\multicolumn{{{each}}}{{c}}{{{escape(TITLES[metric])}}}" for metric in metrics)
    rules = " ".join(rf"\cmidrule(lr){{{each * n + 2}-{each * n + each + 1}}}" for n in range(len(metrics)))
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{escape(table.title or table.suite)}}}",
    ]
    lines += [rf"\label{{tab:{table.suite}}}", rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}", r"\toprule"]
    lines += [rf"Variant & {heads} \\", rules, " & ".join(["", *names * len(metrics)]) + r" \\"]
    for title, numbers in panels(table):
        lines += [r"\midrule", rf"\multicolumn{{{width}}}{{l}}{{\textit{{{escape(title)}}}}} \\", r"\midrule"]
        lines += _rows(table, numbers, width)
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table*}"]
    return "\n".join([*lines, *(f"% {note}" for note in table.notes), ""])


def _rows(table: Table, numbers: list[int], width: int) -> list[str]:
    """Return the lines of one block."""
    paper = {n: standing(table, n, lambda entry: entry.published) for n in numbers}
    own = {n: standing(table, n, lambda entry: entry.mean) for n in numbers}
    lines, group = [], ""
    for row in table.rows:
        if row.group != group:
            lines += (
                [rf"\addlinespace \multicolumn{{{width}}}{{l}}{{{escape(row.group)}}} \\"]
                if row.group
                else [r"\addlinespace"]
            )
        group = row.group
        words = [escape(row.label)]
        for n in numbers:
            column, entry = table.columns[n], row.entries[n]
            if quoted(table):
                words.append(_marked(escape(number(table, column, entry.published)), paper[n].get(row.id)))
            mine = escape(measured(table, column, entry)) if row.measured else ""
            words += [_marked(mine, own[n].get(row.id)), _signed(delta(table, column, row, entry))]
        lines.append(" & ".join(words) + r" \\")
    return lines


def _marked(text: str, place: int | None) -> str:
    """Set the best in bold and the second underlined."""
    return rf"\textbf{{{text}}}" if place == 1 else rf"\underline{{{text}}}" if place == 2 else text


def _signed(text: str) -> str:
    """Set a difference in mathematics, so that its minus is one."""
    return f"${text}$" if text.startswith(("+", "-")) else escape(text)
