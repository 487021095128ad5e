"""Which parameters of which search space each row of a suite is tuned in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ruamel.yaml.nodes import MappingNode, Node

from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import ConfigurationError, nearest, nearest_key
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.constraint import parsed
from kgprism.platform.studies.search.spaces.feasibility import refuse_uncounted
from kgprism.platform.studies.search.spaces.parameter import Parameter
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.spaces.space import Space
from kgprism.platform.studies.suites.reading.document import Document, Place, open_document
from kgprism.platform.studies.suites.reading.inheritance import open_suite
from kgprism.platform.studies.suites.rows import Variant
from kgprism.platform.studies.suites.suite import PACKAGE, Suite


@dataclass(frozen=True)
class _Written(Document):
    """What a suite says under ``tuning``, read as a search space; an error names the suite's file."""

    suite: Document

    def error(self, place: Place, message: str) -> ConfigurationError:
        """Return an error at line and column of a key below ``tuning``, where a space's words stand elsewhere."""
        match place:
            case ("search", *below):
                place = tuple(below)
            case ("params", str(key), *_) if key not in self.content.get("params", {}):
                named = [n for n, word in enumerate(self.content.get("keys", ())) if key in (word, f"{word}.kind")]
                place = ("keys", *named[:1])
        return self.suite.error(("tuning", *place), message)


def tuned(suite: Suite, called: str | None = None) -> dict[str, Space]:
    """Return for each method of a suite's rows the space of what is tuned of it; none for a method that has no key.

    Args:
        called: the suite's name or file, which errors name line by line.

    Raises:
        ConfigurationError: naming file, line, column, key and the nearest valid word.
    """
    document, tuning = open_suite(PACKAGE, called or suite.suite), suite.tuning
    shipped = {method: one for method in suite.methods if (one := _source(document, suite, method))}
    known = {key for space in shipped.values() for key in space.params}
    for n, key in enumerate(tuning.keys):
        if not any(space.address(key) in space.params for space in shipped.values()):
            names = " or ".join(dict.fromkeys(space.space for space in shipped.values())) or "any space"
            raise document.error(("tuning", "keys", n), f"'{key}' is no parameter of {names}{nearest_key(key, known)}")
    found: dict[str, Space] = {}
    for method in suite.methods:
        own = _written(document, suite) if method == suite.method and tuning.params else None
        source = shipped.get(method)
        params = _chosen(source, suite) | (own.params if own else {})
        if params:
            found[method] = _space(document, suite, method, params, source)
    _refuse_another_row(document, suite, found)
    return found


def refuse_unknown(suite: Suite, called: str) -> None:
    """Refuse what a file names and cannot tune, though it says that nothing is tuned; other files' keys are theirs.

    Raises:
        ConfigurationError: naming file, line, column, key and the nearest valid word.
    """
    told = open_document(PACKAGE, called).content.get("tuning", {})
    if told.get("mode") == "none" and told.keys() & {"keys", "params"}:
        tuned(suite, called)


def parts(
    suite: Suite, variant: Variant, space: Space, flat: Overrides, given: Overrides
) -> tuple[dict[str, Parameter], dict[str, str]]:
    """Return what is tuned of a row whose frozen configuration is `flat`, and why which key is not.

    Keys of `given` are set from outside for all rows.
    """
    own, outside = ({space.address(key) for key in some} for some in (suite.about(variant), given))
    kept: dict[str, Parameter] = {}
    left: dict[str, str] = {}
    for key, parameter in space.params.items():
        unmet = [
            name for name, values in parameter.conditions().items() if name not in kept and flat.get(name) not in values
        ]
        if key in own:
            left[key] = "the row is about it"
        elif key in outside:
            left[key] = "set by --set"
        elif unmet or (key not in flat and not any(name in kept for name in parameter.when)):
            left[key] = "the row has none"
        else:
            kept[key] = parameter
    return kept, left


def narrowed(space: Space, params: Mapping[str, Parameter]) -> Space:
    """Return a space with these parameters only, and what is required of them."""
    about = {key.removesuffix(".kind") for key in params}
    wanted = tuple(text for text in space.requires if about & {*parsed(text).keys})
    return space.model_copy(update={"params": dict(params), "requires": wanted})


def _source(document: Document, suite: Suite, method: str) -> Space | None:
    """Return the space that a method's keys are taken from: the suite's, else the shipped one of the method."""
    tuning = suite.tuning
    if not tuning.keys:
        return None
    if tuning.space is not None:
        try:
            space = spaces.read(tuning.space)
        except ConfigurationError as error:
            raise document.error(("tuning", "space"), f"tuning.space: {error}") from None
        if space.method not in suite.methods:
            none = f"of which the suite has no row{nearest(space.method, suite.methods)}"
            raise document.error(("tuning", "space"), f"{space.space} tunes {space.method}, {none}")
        if space.method == method:
            return space
    names = sorted(spaces.space_names(), key=lambda name: name != method)
    name = next((name for name in names if open_document(spaces.PACKAGE, name).content.get("method") == method), None)
    return spaces.read(name) if name else None


def _chosen(source: Space | None, suite: Suite) -> dict[str, Parameter]:
    """Return the parameters of a space that the suite names, in the space's order."""
    named = {source.address(key) for key in suite.tuning.keys} if source else set()
    return {key: parameter for key, parameter in source.params.items() if key in named} if source else {}


def _written(document: Document, suite: Suite) -> Space:
    """Return the space that the suite writes itself, checked as a space's file is."""
    params = {key: dict(told) for key, told in suite.tuning.params.items()}
    content = {"schema": 1, "space": suite.suite, "method": suite.method, "preset": suite.preset, "params": params}
    return spaces.told_by(_Written(document.file, content, _below(document.root), document))


def _below(root: Node) -> Node:
    """Return the node of ``tuning``."""
    pairs = root.value if isinstance(root, MappingNode) else []
    return next((value for key, value in pairs if key.value == "tuning"), root)


def _space(
    document: Document, suite: Suite, method: str, params: Mapping[str, Parameter], source: Space | None
) -> Space:
    """Return the space of a method's rows: parameters, how they are proposed, and nothing that ends a trial early."""
    tuning = suite.tuning
    content = {"sampler": tuning.sampler, "trials": tuning.trials, "seed": tuning.seed}
    told = _Written(document.file, content, _below(document.root), document)
    proposed = told.checked(Search)
    whole = {"schema": 1, "space": suite.suite, "method": method, "params": params, "search": proposed}
    space = narrowed(Space.model_validate(whole | {"requires": source.requires if source else ()}), params)
    here = {"params": tuning.params, "keys": tuning.keys}
    refuse_uncounted(replace(told, content=here), space)
    return space


def _refuse_another_row(document: Document, suite: Suite, found: Mapping[str, Space]) -> None:
    """Refuse keys that would turn what a row is compared with into the row: it would be compared with itself.

    Raises:
        ConfigurationError: naming the key and the row.
    """
    rows = {row.id: row for row in suite.variants}
    for row in suite.variants:
        base = rows.get(suite.base_of(row.id))
        space = found.get(suite.composed(row)[0])
        if not base or not space or suite.composed(row) != suite.composed(base):
            continue
        before = suite.about(base)
        about = {key: value for key, value in suite.about(row).items() if key not in before or before[key] != value}
        params = {key: space.params.get(space.address(key)) for key in about}
        if params and all(one is not None and one.holds(about[key]) for key, one in params.items()):
            key = next(iter(params))
            named = [n for n, word in enumerate(suite.tuning.keys) if word in (key, f"{key}.kind")]
            place: Place = ("tuning", "keys", named[0]) if named else ("tuning", "params", key)
            whose = "the full method" if base is suite.full else f"row '{base.id}'"
            raise document.error(place, f"'{key}' makes {whose} the row '{row.id}': it cannot be tuned")
