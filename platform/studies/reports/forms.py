"""The forms of a table by name, and by the ending of a file; nothing is loaded for it, as the help shows them."""

FORMS = ("text", "md", "latex", "csv", "html", "json")
#: Which form a file's ending asks for.
ENDINGS = {
    "txt": "text",
    "md": "md",
    "tex": "latex",
    "csv": "csv",
    "html": "html",
    "htm": "html",
    "json": "json",
}
#: Endings of a drawing of the table.
DRAWN = ("png", "pdf", "svg")
