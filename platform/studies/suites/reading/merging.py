"""What one suite file says, laid over what another says: as plain values, and as nodes that know where each stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

#: What no suite takes from another.
_OWN = ("schema", "suite", "extends", "drop")
#: Mappings that are changed key by key, and lists that are changed item by item, with the key that names an item.
_KEYWISE = ("paper", "base", "grid", "protocol", "layout", "tuning")
_ITEMWISE = {"variants": "id", "published_only": "id", "toggles": "name", "evaluations": "id"}


@dataclass(frozen=True)
class Tree:
    """A value, its node, and the node of its key; what a merge key (``<<``) brings has none, nor has an outline."""

    value: Any
    node: Node | None = None
    key: Node | None = None


def laid_over(own: Tree, other: Tree) -> Tree:
    """Return the mapping `other`, changed by the mapping `own`; parts of the grid that are no more are forgotten."""
    entries = {key: entry for key, entry in _entries(other).items() if key not in _OWN}
    mine = _entries(own)
    for key, entry in mine.items():
        entries[key] = _changed(key, entry, entries[key]) if key in entries else entry
    if "grid" in mine and isinstance(grid := entries["grid"].value, dict):
        if "reference" in entries and "reference" not in mine:
            entries["reference"] = _still_there(entries["reference"], grid)
        parts = _entries(entries["grid"])
        for word in {"set", "exclude"} & set(parts) - set(mine["grid"].value or ()):
            parts[word] = _still_there(parts[word], grid)
        entries["grid"] = _mapping(parts, entries["grid"])
    return _mapping(entries, own)


def _changed(key: str, own: Tree, other: Tree) -> Tree:
    """Return one key's value, changed key by key, item by item, or replaced."""
    if key in _KEYWISE and isinstance(own.value, dict) and isinstance(other.value, dict):
        return _mapping({**_entries(other), **_entries(own)}, own)
    if key in _ITEMWISE and isinstance(own.value, list) and isinstance(other.value, list):
        return _sequence(_rows(_items(own), _items(other), _ITEMWISE[key]), own)
    return own


def _rows(own: list[Tree], other: list[Tree], word: str) -> list[Tree]:
    """Return the other's items in their order, each with the keys of the own item of that name, then the new items."""
    found, changed = list(other), set()
    places = {_said(item, word): n for n, item in enumerate(other)}
    for item in own:
        place = places.get(name := _said(item, word))
        if name is None or place is None or name in changed:  # what stands there twice is refused when all is checked
            found.append(item)
        else:
            changed.add(name)
            found[place] = _mapping({**_entries(found[place]), **_entries(item)}, item)
    return found


def _said(item: Tree, word: str) -> str | None:
    name = item.value.get(word) if isinstance(item.value, dict) else None
    return name if isinstance(name, str) else None


def _still_there(listed: Tree, grid: Mapping[str, Any]) -> Tree:
    """Return the items whose dataset and seed ratio, said of themselves or of ``when``, are in the grid."""
    if not isinstance(listed.value, list):
        return listed
    kept = []
    for item in _items(listed):
        said = item.value.get("when", item.value) if isinstance(item.value, dict) else None
        where = said if isinstance(said, dict) else {}
        axes = ((grid.get(axis), where.get(axis)) for axis in ("dataset", "seed_ratio"))
        if all(value is None or not isinstance(known, list | None) or value in (known or ()) for known, value in axes):
            kept.append(item)
    return _sequence(kept, listed)


def _entries(tree: Tree) -> dict[str, Tree]:
    pairs = tree.node.value if isinstance(tree.node, MappingNode) else ()
    nodes = {key.value: (value, key) for key, value in pairs}
    return {key: Tree(value, *nodes.get(key, (None, None))) for key, value in tree.value.items()}


def _items(tree: Tree) -> list[Tree]:
    nodes = tree.node.value if isinstance(tree.node, SequenceNode) else [None] * len(tree.value)
    return [Tree(value, node) for value, node in zip(tree.value, nodes, strict=True)]


def _mapping(entries: Mapping[str, Tree], like: Tree) -> Tree:
    pairs = [(entry.key, entry.node) for entry in entries.values() if entry.key and entry.node]
    return _made({key: entry.value for key, entry in entries.items()}, MappingNode, pairs, like)


def _sequence(items: list[Tree], like: Tree) -> Tree:
    # An item must have a node, or those behind it would be taken for others.
    nodes = [item.node or ScalarNode("", "") for item in items]
    return _made([item.value for item in items], SequenceNode, nodes, like)


def _made(value: Any, kind: type[Node], inner: list[Any], like: Tree) -> Tree:
    if like.node is None:
        return Tree(value, None, like.key)
    return Tree(value, kind(like.node.tag, inner, like.node.start_mark, like.node.end_mark), like.key)
