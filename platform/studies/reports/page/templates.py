"""Templates of pages: those of a room, with the style and the pieces that all pages share."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

_SHARED = "kgprism.platform.studies.reports.page"


def template(package: str, name: str, **shown: object) -> Template:
    """Return a package's template by its file's name; `shown` are what every template may call. HTML is escaped."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(one, "") for one in dict.fromkeys((package, _SHARED))]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    environment.globals |= shown
    return environment.get_template(name)
