"""The page of a dataset, in one file that needs nothing else."""

from functools import cache

from jinja2 import Template

from kgprism.platform.studies.look.look import Look
from kgprism.platform.studies.reports.page.templates import template
from kgprism.platform.studies.reports.words import MISSING


def page(found: Look) -> str:
    """Return the page, in light and in dark; pictures are inside it, and there is no script."""
    return _template().render(
        look=found,
        graphs=list(found.coverage),
        with_headers=[one for one in found.sets if one.header],
        beside=[one.name for one in found.sets if not one.trouble],
        compared=[one.name for one in found.untrained.found if one.there] if found.untrained else [],
        shared=[one for one in found.of_graphs if one.twins.groups],
        far=[one for one in found.of_graphs if one.outliers],
    )


def share(value: float | None) -> str:
    """Return a share as tables of the field print it: ``.304``, ``1.000``."""
    if value is None:
        return MISSING
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 0.9995 else f"{value:.3f}"


def percent(value: float) -> str:
    """Return a share in percent; 0 and 100 are none and all, and nothing else is."""
    shown = f"{value:.0%}"
    if value in (0, 1) or shown not in ("0%", "100%"):
        return shown
    return "<1%" if value < 0.5 else ">99%"


def short(value: float, digits: int = 4) -> str:
    """Return a length or a rank in few digits: ``.972``, ``437.5``, ``2,712``."""
    shown = f"{value:,.0f}" if value >= 1000 else f"{value:.{digits}g}"
    return shown.removeprefix("0") if "0." in shown[:2] else shown


def tail(label: str) -> str:
    """Return the last part of an address, any other label as it is."""
    return (label.rstrip("/#").replace("#", "/").rpartition("/")[2] or label) if "://" in label else label


@cache
def _template() -> Template:
    return template(
        "kgprism.platform.studies.look",
        "look.html.jinja",
        MISSING=MISSING,
        share=share,
        percent=percent,
        short=short,
        tail=tail,
    )
