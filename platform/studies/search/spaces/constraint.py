"""What a configuration must keep, such as ``fusion.rank <= modal_width``: a small grammar, only parsed by Python.

Comparisons, ``in``, ``and``, ``or``, ``not``, ``+ - * / // %``, parentheses, numbers, words in quotation marks, lists
in parentheses or brackets, and keys of the configuration. Nothing is called, and only these nodes are reckoned.
"""

import ast
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kgprism.platform.errors import ConfigurationError, nearest_key
from kgprism.platform.studies.suites.reading.document import quoted

#: Longer ones are no requirement that a reader could check.
_LONGEST = 500
_RECKON: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda value, several: value in several,
    ast.NotIn: lambda value, several: value not in several,
}
_WORDS = {"true": True, "false": False, "null": None}


class _Absent:
    """What a key is that the configuration does not have, and all that is reckoned with it."""


ABSENT = _Absent()


class NotReckonedError(ConfigurationError):
    """A word where a number belongs, or the like."""


@dataclass(frozen=True)
class Requirement:
    """One requirement; of a key that a configuration lacks, it says nothing."""

    text: str
    tree: ast.expr

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys that are named, each once."""
        return tuple(dict.fromkeys(_keys(self.tree)))

    def met(self, flat: Mapping[str, Any]) -> bool:
        """Tell whether a flat configuration keeps it, or lacks what it is about; a division by 0 keeps nothing.

        Raises:
            NotReckonedError: if values and operators do not fit.
        """
        try:
            return _value(self.tree, flat) is not False
        except ZeroDivisionError:
            return False
        except (TypeError, OverflowError) as error:
            values = ", ".join(f"{key} is {flat[at]!r}" for key in self.keys if (at := address(key, flat)) in flat)
            raise NotReckonedError(f"{quoted(self.text)}: cannot be reckoned where {values}: {error}") from None


@lru_cache(maxsize=256)
def parsed(text: str) -> Requirement:
    """Read one requirement.

    Raises:
        ValueError: saying what is no part of the grammar, and at which letter.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} letters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"not understood at letter {error.offset or 1}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ValueError("not understood") from None
    _check(tree)
    if not isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp) or isinstance(getattr(tree, "op", None), ast.USub):
        raise ValueError("expected a comparison, such as a <= b")
    return Requirement(text.strip(), tree)


def unknown(requirement: Requirement, known: Collection[str]) -> str | None:
    """Say which key is none, with the nearest; none if all are known."""
    for key in requirement.keys:
        if key not in known and f"{key}.kind" not in known:
            return f"{quoted(key)} is no key of the configuration{nearest_key(key, known)}"
    return None


def address(key: str, flat: Mapping[str, Any]) -> str:
    """Return the key under which a configuration has it: a slot's is that of its kind."""
    return key if key in flat else f"{key}.kind"


def _check(node: ast.expr) -> None:
    """Refuse all that is not in the grammar, before anything is reckoned."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return
        case ast.Name() | ast.Attribute() if _dotted(node):
            return
        case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
            inner = [node.left, *node.comparators]
        case ast.BoolOp():
            inner = node.values
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            inner = [node.operand]
        case ast.BinOp() if type(node.op) in _RECKON:
            inner = [node.left, node.right]
        case ast.Tuple() | ast.List():
            inner = node.elts
        case _:
            raise ValueError(f"{quoted(ast.unparse(node))} is no part of a requirement (letter {node.col_offset + 1})")
    for one in inner:
        _check(one)


def _dotted(node: ast.expr) -> str:
    """Return a key such as ``fusion.rank``, nothing of what is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def _keys(node: ast.expr) -> Iterator[str]:
    if key := _dotted(node):
        if key not in _WORDS:
            yield key
        return
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.expr):
            yield from _keys(inner)


def _value(node: ast.expr, flat: Mapping[str, Any]) -> Any:
    if key := _dotted(node):
        return _WORDS[key] if key in _WORDS else flat.get(address(key, flat), ABSENT)
    match node:
        case ast.Constant():
            return node.value
        case ast.Tuple() | ast.List():
            return [_value(one, flat) for one in node.elts]
        case ast.UnaryOp(op=ast.Not()):
            value = _truth(node.operand, flat)
            return value if value is ABSENT else not value
        case ast.UnaryOp():
            value = _number(node.operand, flat)
            return value if value is ABSENT else -value
        case ast.BinOp():
            left, right = _number(node.left, flat), _number(node.right, flat)
            return ABSENT if ABSENT in (left, right) else _RECKON[type(node.op)](left, right)
        case ast.BoolOp():
            return _joined(isinstance(node.op, ast.And), [_truth(one, flat) for one in node.values])
        case ast.Compare():
            return _compared(node, flat)
    raise AssertionError(ast.dump(node))


def _joined(every: bool, values: list[Any]) -> Any:
    """Join truths of which some may be about nothing, in whatever order they stand."""
    if (not every) in values:
        return not every
    return ABSENT if ABSENT in values else every


def _compared(node: ast.Compare, flat: Mapping[str, Any]) -> Any:
    values = [_value(one, flat) for one in (node.left, *node.comparators)]
    pairs = zip(node.ops, values, values[1:], strict=False)
    return _joined(
        True, [ABSENT if ABSENT in (left, right) else _COMPARE[type(op)](left, right) for op, left, right in pairs]
    )


def _truth(node: ast.expr, flat: Mapping[str, Any]) -> Any:
    value = _value(node, flat)
    if value is not ABSENT and not isinstance(value, bool):
        raise TypeError(f"{ast.unparse(node)} is neither true nor false")
    return value


def _number(node: ast.expr, flat: Mapping[str, Any]) -> Any:
    value = _value(node, flat)
    if value is not ABSENT and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(f"{ast.unparse(node)} is no number")
    return value
