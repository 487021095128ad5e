"""``kgprism methods``: what methods there are, which of their parts can be replaced, and every key that can be set."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json, known_method
from kgprism.platform.cli.screen import say, show_json, show_table, tell

if TYPE_CHECKING:
    from kgprism.platform.cli.keys import Key
    from kgprism.platform.method import Method
    from kgprism.platform.part import Part

app = typer.Typer(help="Methods: list, show.", no_args_is_help=True)


@app.command("list")
def list_methods(json: Json = False) -> None:
    """List the methods, plug-ins included; one that cannot be loaded is told in one line and left out."""
    from kgprism.platform.errors import ConfigurationError

    rows = []
    for name in completion.methods():
        try:
            rows.append((name, *_told(name)))
        except ConfigurationError as error:
            tell(f"left out: {error}")
    if json:
        show_json([dict(zip(("name", "task", "paper"), row, strict=True)) for row in rows])
    else:
        show_table(("name", "task", "paper"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name from `kgprism methods list`.", autocompletion=completion.methods)],
    json: Json = False,
) -> None:
    """Show a method's slots, every key with its default in each preset, its suites, where paper and code differ."""
    known_method(name)
    from kgprism.platform import configuration
    from kgprism.platform.cli.keys import keys_of
    from kgprism.platform.method import load
    from kgprism.platform.part import kind, slots
    from kgprism.platform.studies.suites.reading.shelf import naming

    method = load(name)
    completion.remember(name, method)
    defaults = configuration.flatten(method.Config())
    parts = {slot: {kind(part): part for part in fitting} for slot, fitting in slots(method.Config).items()}
    presets = {
        word: configuration.flatten(configuration.resolve(method.Config, layer))
        for word, layer in method.presets.items()
    }
    keys = [(key, {word: _held(flat, key) for word, flat in presets.items()}) for key in keys_of(method.Config())]
    suites, spaces = naming("kgprism.ablations", name), naming("kgprism.search_spaces", name)
    if json:
        plain: dict[str, Any] = {"name": name, "task": method.task, "paper": _docstring(method)}
        plain |= {"slots": {slot: _slot(defaults, slot, fitting) for slot, fitting in parts.items()}}
        told = [asdict(key) | {"presets": {w: one[0] for w, one in held.items() if one}} for key, held in keys]
        plain |= {"keys": told, "suites": suites, "spaces": spaces}
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
    table = [
        (key.key, key.part, _word(key.default), *(_word(*held[word] or [""]) for word in presets), *about)
        for key, held in keys
        for about in [(key.allowed, key.description)]
    ]
    head = ("key", "of part", "default", *presets, "may be", "what it is")
    show_table(head, table, title="Keys by preset (--set KEY=VALUE; those of a part, where its slot holds it)")
    say(f"suites: {', '.join(suites) or 'none'}")
    say(f"search spaces: {', '.join(spaces) or 'none'}")
    say()
    say("Departures (paper against released code)")
    for line in method.departures:
        say(f"- {line}")


def _told(name: str) -> tuple[str, str]:
    """Return a method's task and the first line about it: without loading it, if that was done with the same code."""
    from ast import get_docstring, parse

    from kgprism.platform import source
    from kgprism.platform.training.about import kept

    if (known := kept(name)) and completion.remembered(name) and (module := source.find(known.module)):
        return known.task, (get_docstring(parse(module.text)) or name).splitlines()[0]
    from kgprism.platform.method import load
    from kgprism.platform.training.about import about

    method = load(name)
    completion.remember(name, method)
    return about(name).task, _docstring(method).splitlines()[0]


def _held(flat: dict[str, Any], key: "Key") -> list[Any]:
    """Return the value of a key in one preset, or nothing where the preset holds another part."""
    place = key.key
    while place := place.rpartition(".")[0]:
        if flat.get(f"{place}.kind", key.part) != key.part:
            return []
        if f"{place}.kind" in flat:
            break
    return [flat[word] for word in (key.key, f"{key.key}.kind") if word in flat]


def _slot(defaults: dict[str, Any], slot: str, fitting: dict[str, "type[Part]"]) -> dict[str, Any]:
    from kgprism.platform.cli.keys import keys_of
    from kgprism.platform.configuration import flatten
    from kgprism.platform.part import alternatives

    parts = {
        word: {
            "null": part.null,
            "defaults": flatten(part()),
            "settings": {
                key.key: {"default": key.default, "allowed": key.allowed, "description": key.description}
                for key in keys_of(part())
                if "." not in key.key and not alternatives(part.model_fields[key.key].annotation)
            },
        }
        for word, part in fitting.items()
    }
    return {"default": defaults.get(f"{slot}.kind"), "alternatives": parts}


def _docstring(method: type["Method"]) -> str:
    from sys import modules

    return (modules[method.__module__].__doc__ or method.__name__).strip()


def _word(value: object) -> str:
    return "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
