"""What is no letter: orders to a terminal, and marks that turn the line, in names and titles that anybody may write."""

import re

#: Control characters but for tabs and new lines, and the marks of Unicode that change a line's direction.
_ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def letters(text: str, instead: str = "") -> str:
    """Return a text with something else, or nothing, in place of what is no letter."""
    return _ORDERS.sub(instead, text)
