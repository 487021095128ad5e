"""What a result's code is: everything that its imports lead to counts, and nothing else does."""

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import kgprism
from kgprism.platform import source
from kgprism.platform.errors import KgprismError
from kgprism.platform.method import Method, load, names
from kgprism.platform.part import Settings
from kgprism.platform.source import Find, Module
from kgprism.platform.training.run import roots, source_digest

ALIGNMENT = {name for name in names() if load(name).task == "alignment"}


def changed(module: str, edit: Callable[[str], str] = lambda text: text + "\nADDED = 1\n") -> Find:
    """Return what finds every module as installed but one, whose text is edited."""

    def find(name: str) -> Module | None:
        found = source.find(name)
        return found._replace(text=edit(found.text)) if found and name == f"kgprism.platform.{module}" else found

    assert source.find(f"kgprism.platform.{module}"), f"no module {module}"
    return find


def moved(find: Find) -> set[str]:
    """Return the methods whose digest differs."""
    return {name for name in names() if source.digest_of(*roots(name), find=find) != source_digest(name)}


EVERYWHERE = ["seeding", "batch", "method", "part", "settings", "training.steps", "tasks.ranking"]


@pytest.mark.parametrize("module", EVERYWHERE)
def test_what_every_run_needs_changes_every_identity(module: str) -> None:
    assert moved(changed(module)) == set(names())


def test_a_constant_of_the_seeds_counts() -> None:
    assert moved(changed("seeding", lambda text: text.replace("digest_size=8", "digest_size=16"))) == set(names())


def test_a_block_of_one_method_changes_that_one() -> None:
    assert moved(changed("nn.encoders.variational")) == {"ibmea"}


@pytest.mark.parametrize(
    ("module", "method", "other"),
    [
        ("nn.negatives.diffusion.process", "dhns", "ibmea"),
        ("nn.negatives.diffusion.levels", "dhns", "eva"),
        ("families.triple_model", "kge", "mclea"),
    ],
)
def test_a_folder_inside_a_folder_counts(module: str, method: str, other: str) -> None:
    found = moved(changed(module))
    assert method in found
    assert other not in found


@pytest.mark.parametrize(
    ("module", "methods"),
    [
        *((name, ALIGNMENT) for name in ("tasks.alignment", "tasks.probation", "tasks.sampled")),
        *((name, ALIGNMENT) for name in ("data.inputs.features", "data.inputs.split", "data.inputs.sampled_graph")),
        *((name, set(names()) - ALIGNMENT) for name in ("tasks.completion", "data.inputs.training_graph")),
        *((name, set(names()) - ALIGNMENT) for name in ("data.inputs.holdout", "data.inputs.label_text")),
        *((name, set()) for name in ("training.trainer", "training.run", "cluster.session", "data.catalogue.toy")),
        *((name, set()) for name in ("data.readers.plain", "studies.store.runs", "cli.main")),
    ],
)
def test_one_tasks_code_leaves_the_others_identities(module: str, methods: set[str]) -> None:
    assert moved(changed(module)) == methods


def noted(text: str) -> str:
    """Give a module another docstring, more comments, another layout and a type checker's import."""
    body = text.split('"""', 2)[2]
    checked = "\nif TYPE_CHECKING:\n    import kgprism.platform.cli.main\n"
    return f'"""Another text."""  # a comment\n\n\n{body}\n# the end\n{checked}'


def test_comments_docstrings_layout_and_a_type_checkers_imports_do_not_count() -> None:
    assert moved(changed("batch", noted)) == set()
    assert moved(changed("batch", lambda text: text.replace('"""What', '"""Which'))) == set()
    assert moved(changed("batch", lambda text: text.replace('    """Rows of', '    1\n    """Rows of'))) == set(names())


def test_what_the_public_face_hands_to_a_method_is_in_every_closure() -> None:
    handed = [getattr(kgprism, name) for name in kgprism.__all__]
    classes = [found for found in handed if isinstance(found, type)]
    made_of = {found.__module__ for found in classes if issubclass(found, Method | Settings | KgprismError)}
    assert made_of
    for name in names():
        assert made_of <= source.closure(*roots(name)).keys()


def test_a_digest_does_not_take_long() -> None:
    source._parsed.cache_clear()
    source.find.cache_clear()
    began = time.process_time()
    source.digest_of(*roots("dhns"))
    assert time.process_time() - began < 2  # 0.2 s on a quiet machine


def made(**texts: str) -> Find:
    """Return what finds modules by their texts; a package's name ends in ``__init__``, `_` stands for a dot."""
    modules = {}
    for word, text in texts.items():
        name = word.replace("_", ".").removesuffix("..init..")
        modules[name] = Module(text, package=word.endswith("__init__"))
    return modules.get


def closure(*roots: str, **texts: str) -> list[str]:
    return list(source.closure(*roots, find=made(**texts)))


def test_imports_are_followed_at_the_top_inside_functions_and_out_of_packages() -> None:
    texts = {
        "own__init__": "",
        "own_a": "import own.b\nfrom own import c, NAME\nimport numpy",
        "own_b": "def late():\n    from own.deep.d import NAME",
        "own_c": "",
        "own_deep__init__": "import own.e as e",
        "own_deep_d": "",
        "own_e": "",
        "own_f": "",
    }
    assert closure("own.a", **texts) == ["own", "own.a", "own.b", "own.c", "own.deep", "own.deep.d", "own.e"]


def test_relative_imports_start_at_the_package() -> None:
    texts = {
        "own__init__": "from . import b",
        "own_b": "",
        "own_deep__init__": "from .d import NAME",
        "own_deep_c": "from ..e import NAME",
        "own_deep_d": "",
        "own_e": "",
        "own_d": "",
    }
    assert closure("own.deep.c", **texts) == ["own", "own.b", "own.deep", "own.deep.c", "own.deep.d", "own.e"]


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_what_never_runs_is_not_followed_and_what_runs_instead_is(test: str) -> None:
    a = f"if {test}:\n    import own.b\nelse:\n    import own.c"
    assert closure("own.a", own__init__="", own_a=a, own_b="", own_c="") == ["own", "own.a", "own.c"]


def test_circles_end_and_the_order_of_imports_does_not_matter() -> None:
    one, other = "import own.b\nimport own.c", "import own.c\nimport own.b"
    rest = {"own__init__": "", "own_b": "import own.a", "own_c": ""}
    assert closure("own.a", own_a=one, **rest) == closure("own.a", own_a=other, **rest)


def test_a_module_counts_by_its_name_too() -> None:
    rest = {"own__init__": "", "own_a": "import own.b, own.c"}
    found = [source.digest_of("own.a", find=made(own_b=b, own_c=c, **rest)) for b, c in (("X = 1", ""), ("", "X = 1"))]
    assert found[0] != found[1]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install another distribution with a method, a relative import and a helper of a helper."""
    texts = {
        "planted/__init__.py": "",
        "planted/methods/__init__.py": "",
        "planted/methods/odd.py": "from kgprism import Alignment\nfrom ..drawing import width\n\n\n"
        "class Planted(Alignment):\n    pass\n",
        "planted/drawing.py": "def width():\n    from planted import numbers\n\n    return numbers.WIDTH\n",
        "planted/numbers.py": "WIDTH = 3\n",
        "planted/unused.py": "WIDTH = 3\n",
        "planted/beside.py": "import planted_tools\nimport stranger\n",
        "planted_tools.py": "SCALE = 0.7\n",
        "stranger.py": "SCALE = 0.7\n",
        "planted-1.0.dist-info/top_level.txt": "planted\nplanted_tools\n",
        "planted-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n",
        "planted-1.0.dist-info/entry_points.txt": "[kgprism.methods]\nplanted = planted.methods.odd:Planted\n",
    }
    for path, text in texts.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path / "planted"
    load.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("planted", "planted_tools", "stranger")]:
        del sys.modules[name]


def planted() -> str:
    source.find.cache_clear()
    return source.digest_of(*roots("planted"))


def test_a_plug_ins_helper_modules_count(plugin: Path) -> None:
    before = planted()
    assert "planted.numbers" in source.closure(*roots("planted"))
    (plugin / "unused.py").write_text("WIDTH = 4\n")
    (plugin / "numbers.py").write_text("WIDTH = 3  # columns\n")
    assert planted() == before
    (plugin / "numbers.py").write_text("WIDTH = 4\n")
    assert planted() != before
    assert "planted.unused" not in sys.modules


def test_what_a_plug_ins_distribution_installs_beside_it_counts_and_a_stranger_does_not(plugin: Path) -> None:
    (plugin / "numbers.py").write_text("from .beside import planted_tools\n")
    before, folder = planted(), plugin.parent
    (folder / "stranger.py").write_text("SCALE = 0.8\n")
    assert planted() == before
    (folder / "planted_tools.py").write_text("SCALE = 0.8\n")
    assert planted() != before


def test_a_compiled_helper_counts_by_its_bytes(plugin: Path) -> None:
    (plugin / "numbers.py").write_text("from .fast import WIDTH\n")
    compiled = plugin / f"fast{EXTENSION_SUFFIXES[-1]}"
    found = []
    for data in (b"one", b"two", b"two"):
        compiled.write_bytes(data)
        found.append(planted())
    assert found[0] != found[1] == found[2]


def test_what_was_found_in_a_text_is_kept_for_that_very_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = "kgprism.platform.seeding"
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path))

    def again(find: Find = source.find) -> str:
        for kept in (source._parsed, source._recalled):
            kept.cache_clear()
        return source.digest_of(root, find=find)

    first = again()
    kept = tmp_path / "cache" / "code.json"
    written = kept.read_bytes()
    with monkeypatch.context() as without:
        without.setattr(source, "_read", None)  # nothing is read a second time
        assert again() == first
    assert again(changed("seeding")) != first, "a text that has changed is read"
    assert kept.read_bytes() == written, "and only what is installed is kept"
    for damaged in (b"", b"{}", written.replace(b"a", b"b"), b"\xff"):
        kept.write_bytes(damaged)
        assert again() == first, "what is kept of it decides nothing where it is not what was written"
    assert kept.read_bytes() == written
