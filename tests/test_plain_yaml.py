"""YAML as plain values: what is none is refused in one line that begins with its place."""

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.plain_yaml import DEEPEST, read_yaml

#: Ten lines that name 10^10 values.
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 11))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e-3", {"a": 0.001}),
        ("a: off", {"a": "off"}),
        ("a: 2024-13-45", {"a": "2024-13-45"}),
        ("a: 2024-01-02", {"a": "2024-01-02"}),
        ("a: [true, null, ~, 0x10, .inf]", {"a": [True, None, None, 16, float("inf")]}),
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        (f"a: {'[' * (DEEPEST - 1)}{']' * (DEEPEST - 1)}", None),
        ("", None),
    ],
)
def test_plain_values_are_read(text: str, value: object) -> None:
    found, root = read_yaml(text)
    assert value is None or found == value
    assert (root is None) == (not text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: !!int abc", "2:4: not YAML: 'abc' is no int"),
        ("a: 1\nb: !!int ''", "2:4: not YAML: '' is no int"),
        ("a: !!bool maybe", "1:4: not YAML: 'maybe' is no bool"),
        ("a: " + 5000 * "9", "1:4: not YAML: '9999"),
        ("%YAML 1.9\n---\na: 1", "1:1: not YAML: version minor part"),
        ("%YAML x\n---\na: 1", "1:7: not YAML: expected a digit"),
        ("a: " + 3000 * "[" + 3000 * "]", "1:1: not YAML: values stand too deep in each other"),
        ("a: 1\nb: " + 60 * "[" + 60 * "]", "2:53: not YAML: values stand too deep in each other"),
        ("a: &a [*a]", "1:4: not YAML: values stand too deep in each other"),
        (LAUGHS, "1:10: not YAML: more than 100,000 values"),
        ("a:\n  b: !!set {c}", "2:6: not YAML: expected a plain value, got the tag !!set"),
        (
            "a: !!python/object:os.system x",
            "1:4: not YAML: expected a plain value, got the tag !!python/object:os.system",
        ),
        ("a: 1\n2: b", "2:1: not YAML: expected a word as a key"),
        ("{[a]: b}", "1:2: not YAML: expected a word as a key"),
        ("a: 1\na: 2", "2:1: not YAML: found duplicate key"),
        ("a: 1\nb: [", "2:5: not YAML: "),
        ("a: \x00", "1:1: not YAML: unacceptable character #x0000"),
    ],
)
def test_anything_else_is_one_line_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(text)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
