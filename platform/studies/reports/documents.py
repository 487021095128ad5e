"""A table as a document: the templates beside this file, each with the escapes of its language."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from kgprism.platform.studies.reports.fair.sheets import sheets
from kgprism.platform.studies.reports.fair.told import heading, remarks, sections
from kgprism.platform.studies.reports.letters import letters
from kgprism.platform.studies.reports.pages import HEIGHT, SIZES, WIDTH, pages
from kgprism.platform.studies.reports.text import markdown_rows, piped
from kgprism.platform.studies.reports.view import View
from kgprism.platform.studies.reports.words import MISSING, TITLES, counted, one_line

_COMMON: dict[str, Any] = {
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}
#: LaTeX is full of the braces that Jinja marks its words with.
_MARKS = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}
_TEX = {
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
    "|": r"\textbar{}",
    # In braces, as the line break or rule before a label would take these as its own.
    "[": "{[}",
    "*": "{*}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\0": "-{}",
    "`": r"\textasciigrave{}",
    '"': r"\textquotedbl{}",
    "·": r"$\cdot$",
    "\N{EN DASH}": "--",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "→": r"$\to$",
    "\N{MINUS SIGN}": "$-$",
    "∞": r"$\infty$",
    "…": r"\ldots{}",
}
#: By their names in LaTeX; the others look like Latin letters.
_GREEK = {
    "αβγδεζηθικλμ": "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu",
    "νξπρστυφχψω": "nu xi pi rho sigma tau upsilon phi chi psi omega",
    "ΓΘΛΞΠΣΥΦΨΩ": "Gamma Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega",
}
for _letters, _names in _GREEK.items():
    _TEX |= {letter: rf"$\{name}$" for letter, name in zip(_letters, _names.split(), strict=True)}
#: Where a long word, such as an address or a command, may go on in the next line: not within a number, nor at its end,
#: as LaTeX takes the space that follows.
_BREAK = re.compile(r"(?<=[/.,_=:@-])(?<!\d\.)(?=.)")


class Tex(str):
    """Text that is LaTeX already."""

    __slots__ = ()


def markdown(view: View) -> str:
    """Return the table as Markdown that is aligned to be read as it is."""
    told = {"heading": heading, "sections": sections, "remarks": remarks}
    return _template("md").render(view=view, rows=markdown_rows, piped=piped, **told)


def latex(view: View) -> str:
    """Return as many ``table*`` as there are pages, with the packages booktabs and threeparttable; best bold."""
    tuned = {"sheets": sheets(view.table), "tight": SIZES[-1].space}
    return _template("tex").render(view=view, pages=pages(view), width=WIDTH, height=HEIGHT, **tuned)


@cache
def _template(ending: str) -> Template:
    options: dict[str, Any] = dict(_COMMON)
    if ending == "tex":
        options |= _MARKS | {"finalize": escaped}
    environment = Environment(loader=PackageLoader("kgprism.platform.studies.reports", ""), **options)
    environment.globals |= {"TITLES": TITLES, "MISSING": MISSING, "counted": counted}
    environment.filters |= {"marked": _marked, "signed": _signed, "negative": _negative}
    environment.filters |= {"tex": Tex, "line": one_line, "breakable": _breakable}
    return environment.get_template(f"table.{ending}.jinja")


def escaped(value: object) -> str:
    """Return what LaTeX prints as it is."""
    if isinstance(value, Tex):
        return value
    # Two dashes would become one that is longer: an option of a command would not be one any more.
    return "".join(_TEX.get(letter, letter) for letter in re.sub("-(?=-)", "\0", letters(str(value))))


def _breakable(text: str) -> Tex:
    """Let long words go on in the next line."""
    words = text.split(" ")
    return Tex(
        " ".join(
            r"\allowbreak ".join(map(escaped, _BREAK.split(word))) if len(word) > 20 else escaped(word)
            for word in words
        )
    )


def _marked(text: str, place: int) -> Tex:
    """Set the best in bold and the second underlined."""
    marks = {1: r"\textbf{%s}", 2: r"\underline{%s}"}
    return Tex(marks.get(place, "%s") % escaped(text))


def _signed(text: str) -> Tex:
    """Set a difference in mathematics, so that its minus is one."""
    return Tex(f"${text}$" if text.startswith(("+", "-")) else escaped(text))


def _negative(text: str) -> Tex:
    """Set the hyphens of numbers as minuses."""
    return Tex(re.sub(r"-(?=[.\d])", "$-$", escaped(text)))
