"""Which code decides a result: the modules that some modules import, and theirs, read from the syntax tree."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import packages_distributions
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from kgprism.platform.configuration import digest
from kgprism.platform.errors import KgprismError
from kgprism.platform.files import replacing
from kgprism.platform.home import home
from kgprism.platform.kept import Kept, read

PROJECT = "kgprism"


class Module(NamedTuple):
    """A module's text, and whether other modules lie below it."""

    text: str
    package: bool


#: Finds a module by its dotted name, none where there is no such module; asked only for what lies in a package.
Find = Callable[[str], Module | None]


@cache
def find(name: str) -> Module | None:
    """Return a module as it is installed, without running it; a folder without ``__init__.py`` has no text."""
    spec = find_spec(name)
    if spec is None:
        return None
    package = spec.submodule_search_locations is not None
    if not spec.has_location or spec.origin is None:
        return Module("", package)
    data = Path(spec.origin).read_bytes()
    if spec.origin.endswith(".py"):
        return Module(data.decode(), package)
    return Module(f"compiled = {hashlib.blake2b(data).hexdigest()!r}", package)


#: What `digest_of` asks by default, where its argument hides the name.
_installed = find


def digest_of(*roots: str, find: Find = find) -> str:
    """Return 16 digits that change with the code of any module that `roots` lead to, the same on every machine.

    Comments, docstrings, layout and what only a type checker reads do not count.
    """
    found = digest({name: _parsed(name, module).code for name, module in closure(*roots, find=find).items()})
    _keep(installed=find is _installed)
    return found


def closure(*roots: str, find: Find = find) -> dict[str, Module]:
    """Return `roots` and all modules that they import, at the top or inside a function, in the order of their names.

    Followed are the modules of this project and of the distributions that `roots` come with: a plug-in's helpers decide
    its results too, in whichever of its packages they are. The packages above a module count with it, since importing
    it runs them; but not this project's own face, which hands on what lies below it.
    """
    own = {PROJECT}.union(*(shipped_with(root.partition(".")[0]) for root in roots))
    found: dict[str, Module] = {}
    ahead = list(roots)
    while ahead:
        name = ahead.pop()
        if name in found or name == PROJECT or name.partition(".")[0] not in own:
            continue
        ahead += [above] if (above := name.rpartition(".")[0]) else []
        if module := _found(name, find):
            found[name] = module
            ahead += _parsed(name, module).imports
    return dict(sorted(found.items()))


def shipped_with(package: str) -> set[str]:
    """Return the names at the top that are installed by what installs `package`; itself where nothing did."""
    if package == PROJECT:
        return {package}
    places = packages_distributions()
    makers = set(places.get(package, ()))
    return {package} | {name for name, others in places.items() if makers & set(others)}


def _found(name: str, find: Find) -> Module | None:
    """Find a module; ``module.name`` looks like one, but nothing lies in a module that is no package."""
    above = name.rpartition(".")[0]
    if above and not ((package := _found(above, find)) and package.package):
        return None
    return find(name)


class _Parsed(NamedTuple):
    """What a module runs, as a digest, and the dotted names that it imports, some of which may be modules."""

    code: str
    imports: tuple[str, ...]


class _Memory(Kept):
    """What was found in texts: module -> digest of its text, what `_Parsed` holds; ``sum`` digests it all."""

    modules: dict[str, tuple[str, str, tuple[str, ...]]]
    sum: str

    def whole(self) -> bool:
        return self.sum == digest(self.modules)


#: What this process has read that no memory held.
_new: dict[str, tuple[str, str, tuple[str, ...]]] = {}


@cache
def _parsed(name: str, module: Module) -> _Parsed:
    """Read a module's text, or recall what was found in that very text: reading takes longer than most commands."""
    # The reader's own text, and what digests, decide with it.
    text = hashlib.blake2b(repr((name, module, _reader())).encode(), digest_size=16).hexdigest()
    known = _recalled(_place()).get(name)
    if known and known[0] == text:
        return _Parsed(*known[1:])
    found = _read(name, module)
    _new[name] = (text, *found)
    return found


@cache
def _reader() -> str:
    own = (find(__name__), find(digest.__module__))
    return hashlib.blake2b(repr(own).encode()).hexdigest()


def _place() -> Path | None:
    with suppress(KgprismError):
        return home() / "cache" / "code.json"
    return None


@cache
def _recalled(place: Path | None) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Return what is kept there; nothing where it is not what was written: the texts are read again."""
    with suppress(KgprismError):
        if place and (kept := read(place, _Memory)) and kept.whole():
            return kept.modules
    return {}


def _keep(installed: bool) -> None:
    """Keep what was newly read of modules as they are installed; what cannot be kept is read again."""
    if _new and installed and (place := _place()):
        modules = _recalled(place) | _new
        with suppress(OSError), replacing(place) as scratch:
            scratch.write_text(_Memory(modules=modules, sum=digest(modules)).model_dump_json(), encoding="utf-8")
        _recalled.cache_clear()
    _new.clear()


def _read(name: str, module: Module) -> _Parsed:
    package = name if module.package else name.rpartition(".")[0]
    nodes: list[ast.Import | ast.ImportFrom] = []
    code = digest(_plain(ast.parse(module.text), nodes))
    imports: list[str] = []
    for node in nodes:
        source = ""
        if isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package) + "."
        imports += [source + alias.name for alias in node.names]
    return _Parsed(code, tuple(imports))


def _plain(node: Any, imports: list[ast.Import | ast.ImportFrom]) -> str:
    """Write a tree that runs as a text, in words that all versions of Python share, and note its imports."""
    if isinstance(node, list):
        return f"[{', '.join([_plain(inner, imports) for inner in _running(node)])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Constant):
        return f"Constant(value={node.value!r})"
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        imports.append(node)
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "ctx" or value is None or value == []:
            continue
        if name == "body" and isinstance(value, list) and _docstring(value[0]):
            value = value[1:]
        fields.append(f"{name}={_plain(value, imports)}")
    return f"{type(node).__name__}({', '.join(fields)})"


def _docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _running(nodes: list[Any]) -> Iterator[Any]:
    """Yield statements or other nodes, those that only a type checker reads left out."""
    for node in nodes:
        if type(node) is ast.If and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from _running(node.orelse)
        else:
            yield node
