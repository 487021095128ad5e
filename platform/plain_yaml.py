"""YAML 1.2 as plain values: mappings of words, lists, words, numbers, ``true``, ``false``, ``null``; nothing else."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kgprism.platform.errors import ConfigurationError, first_line

#: How deep values may stand in each other, and how many there may be: a file of a few lines can name more by aliases.
DEEPEST, MOST = 50, 100_000

_TAG = "tag:yaml.org,2002:"
#: A date is a word to us, as it is in YAML 1.2's core schema.
_KNOWN = {_TAG + word for word in ["map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge"]}


class _Constructor(SafeConstructor):
    """Builds values; what cannot be one is an error with its line."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError):
            told = f"'{node.value[:40]}' is no {str(node.tag).removeprefix(_TAG)}"
            raise ConstructorError(None, None, told, node.start_mark) from None


_Constructor.add_constructor(_TAG + "timestamp", SafeConstructor.construct_yaml_str)


def read_yaml(text: str, name: str = "") -> tuple[Any, Node | None]:
    """Return the value of a text and the node that knows where everything stands, none where there is nothing.

    `name` is what every node's mark calls the text.

    Raises:
        ConfigurationError: of one line, ``LINE:COLUMN: what is wrong``.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if root is not None:
            _check(root, name)
        reader = YAML(typ="safe", pure=True)
        reader.Constructor = _Constructor
        # What is merged (`<<`) is written into the nodes, which are to stay as the file has them.
        plain = root is not None and "<<" not in text
        return reader.constructor.construct_document(root) if plain else reader.load(text), root
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _wrong(place, first_line(str(error.problem))) from None
    except (YAMLError, AssertionError) as error:  # ruamel asserts that it knows the version that a text claims
        raise _wrong((1, 1), first_line(error)) from None
    except RecursionError:
        raise _wrong((1, 1), "values stand too deep in each other") from None


def _check(root: Node, name: str) -> None:
    """Name all nodes; refuse what is no plain value, and what is too much: an alias counts each time that it stands."""
    ahead, seen = [(root, 1)], 0
    while ahead:
        node, depth = ahead.pop()
        seen += 1
        node.start_mark.name = name
        if node.tag not in _KNOWN:
            raise _refused(node, f"expected a plain value, got the tag {str(node.tag).replace(_TAG, '!!')}")
        if depth > DEEPEST:
            raise _refused(node, "values stand too deep in each other")
        if seen > MOST:
            raise _refused(node, f"more than {MOST:,} values")
        inner = []
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if not (isinstance(key, ScalarNode) and key.tag in (_TAG + "str", _TAG + "merge")):
                    raise _refused(key, "expected a word as a key")
                key.start_mark.name = name
                inner.append(value)
        elif isinstance(node, SequenceNode):
            inner = node.value
        ahead += [(value, depth + 1) for value in inner]


def _refused(node: Node, message: str) -> MarkedYAMLError:
    return ConstructorError(None, None, message, node.start_mark)


def _wrong(place: tuple[int, int], message: str) -> ConfigurationError:
    return ConfigurationError(f"{place[0]}:{place[1]}: not YAML: {message}")
