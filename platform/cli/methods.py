"""``kgprism methods``: what methods there are and which of their parts can be replaced."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli.options import Json, known_method
from kgprism.platform.cli.screen import say, show_json, show_table

if TYPE_CHECKING:
    from kgprism.platform.method import Method
    from kgprism.platform.part import Part

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
        plain |= {"slots": {slot: _slot(defaults, slot, fitting) for slot, fitting in parts.items()}}
        plain |= {"settings": defaults, "presets": dict(method.presets), "departures": list(method.departures)}
        show_json(plain)
        return
    say(_docstring(method))
    say()
    rows = [
        (slot, defaults.get(f"{slot}.kind"), ", ".join(f"{w} (null)" if p.null else w for w, p in fitting.items()))
        for slot, fitting in parts.items()
    ]
    show_table(("slot", "default", "fits"), rows, title="Slots")
    presets = [configuration.flatten(configuration.resolve(method.Config, one)) for one in method.presets.values()]
    keys = list(dict.fromkeys(key for preset in presets for key in preset))
    settings = [[key, *(_word(preset[key]) if key in preset else "" for preset in presets)] for key in keys]
    show_table(("setting", *method.presets), settings, title="Settings by preset")
    say("Departures (paper against released code)")
    for line in method.departures:
        say(f"- {line}")


def _slot(defaults: dict[str, Any], slot: str, fitting: dict[str, "type[Part]"]) -> dict[str, Any]:
    from kgprism.platform.configuration import flatten

    parts = {word: {"null": part.null, "defaults": flatten(part())} for word, part in fitting.items()}
    return {"default": defaults.get(f"{slot}.kind"), "alternatives": parts}


def _docstring(method: type["Method"]) -> str:
    from sys import modules

    return (modules[method.__module__].__doc__ or method.__name__).strip()


def _word(value: object) -> str:
    return "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
