"""``kgprism methods``: what methods there are and which of their parts can be replaced."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli.options import Json, known_method
from kgprism.platform.cli.screen import say, show_json, show_table

if TYPE_CHECKING:
    from kgprism.platform.method import Method

app = typer.Typer(help="Methods: list, show.", no_args_is_help=True)


@app.command("list")
def list_methods(json: Json = False) -> None:
    """List the methods, plug-ins included."""
    from kgprism.platform.method import load, names

    rows = [(name, load(name).task, _docstring(load(name)).splitlines()[0]) for name in names()]
    if json:
        show_json([dict(zip(("name", "task", "paper"), row, strict=True)) for row in rows])
    else:
        show_table(("name", "task", "paper"), rows)


@app.command()
def show(name: Annotated[str, typer.Argument(help="A name from `kgprism methods list`.")], json: Json = False) -> None:
    """Show a method's slots with their alternatives, all settings, presets, and where paper and code differ."""
    known_method(name)
    from kgprism.platform import configuration
    from kgprism.platform.method import load
    from kgprism.platform.part import kind, slots

    method = load(name)
    defaults = configuration.flatten(method.Config())
    parts = {slot: {kind(part): part for part in fitting} for slot, fitting in slots(method.Config).items()}
    if json:
        plain: dict[str, Any] = {"name": name, "task": method.task, "paper": _docstring(method)}
        plain["slots"] = {
            slot: {
                "default": defaults.get(f"{slot}.kind"),
                "alternatives": {
                    word: {"null": part.null, "defaults": configuration.flatten(part())}
                    for word, part in fitting.items()
                },
            }
            for slot, fitting in parts.items()
        }
        plain |= {"settings": defaults, "presets": dict(method.presets), "departures": list(method.departures)}
        show_json(plain)
        return
    say(_docstring(method))
    say()
    rows = [
        (
            slot,
            defaults.get(f"{slot}.kind"),
            ", ".join(f"{word} (null)" if p.null else word for word, p in fitting.items()),
        )
        for slot, fitting in parts.items()
    ]
    show_table(("slot", "default", "fits"), rows, title="Slots")
    chosen = {preset: dict(overrides) for preset, overrides in method.presets.items()}
    settings = [(key, *(over.get(key, value) for over in chosen.values())) for key, value in defaults.items()]
    show_table(
        ("setting", *chosen), [[key, *map(_word, values)] for key, *values in settings], title="Settings by preset"
    )
    say("Departures (paper against released code)")
    for line in method.departures:
        say(f"- {line}")


def _docstring(method: type["Method"]) -> str:
    from sys import modules

    return (modules[method.__module__].__doc__ or method.__name__).strip()


def _word(value: object) -> str:
    return "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
