"""What MkDocs asks while it builds: the pages lie where they are read on the forge, and links between them hold."""

import re
from pathlib import Path
from tempfile import mkdtemp

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md", "docs/*.md", "docs/*.png")


@event_priority(100)  # before the plug-in that reads where to look
def on_config(config: MkDocsConfig) -> None:
    """Show the reader of docstrings, which runs nothing, the folders in the order in which they are imported."""
    package = Path(mkdtemp()) / "kgprism"
    (package / "platform").mkdir(parents=True)
    (package / "platform/__init__.py").touch()
    for path in (ROOT / "platform").iterdir():
        (package / "platform" / path.name).symlink_to(path)
    for path in (ROOT / "methods", *(ROOT / "platform/api").glob("*.py")):
        (package / path.name).symlink_to(path)
    config.plugins["mkdocstrings"].config["handlers"]["python"]["paths"] = [str(package.parent)]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the repository's pages under their own paths."""
    for path in sorted(path for pattern in PAGES for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let a list begin right below a paragraph or a block, as CommonMark has it."""
    lines: list[str] = []
    fenced = False
    for line in markdown.splitlines():
        before = lines[-1] if lines else ""
        begins = re.match(r"([-*]|\d+\.) ", line) and before and not re.match(r"([-*]|\d+\.) |\s", before)
        if begins and not fenced:
            lines.append("")
        fenced ^= line.lstrip().startswith("```")
        lines.append(line)
    return "\n".join(lines) + "\n"
