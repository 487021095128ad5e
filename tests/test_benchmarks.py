"""The benchmark measures what it is asked for, names its machine, and counts as the formulas do."""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from kgprism.platform.data.inputs.joint import JointGraph

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _own_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the files import each other as they do when one is run, and leave no trace."""
    monkeypatch.syspath_prepend(str(FOLDER))
    threads, before = torch.get_num_threads(), set(sys.modules)
    yield
    torch.set_num_threads(threads)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def measured(folder: Path, *words: str) -> dict[str, Any]:
    file = folder / "found.json"
    import_module("run").main([*words, "--scale", "0.01", "--here", "--rounds", "1", "--json", str(file)])
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_one_command_measures_everything_it_is_asked_for(tmp_path: Path) -> None:
    what = ["limits", "losses", "alignment-training", "alignment-evaluation", "growth"]
    what += ["completion-training", "completion-evaluation"]
    found = measured(tmp_path, "--what", ",".join(what), "--methods", "mclea,ikrl", "--sizes", "60")
    assert {row["what"] for row in found["rows"]} == {*what}
    assert {"machine", "device", "cores", "threads", "torch", "python", "commit", "load"} <= set(found["machine"])
    for row in found["rows"]:
        assert row["threads"] == 1
        assert row["wall"] > 0
        if "terms" in row:
            assert row["gflop"] == pytest.approx(sum(row["terms"].values()))
            assert row["share"] == pytest.approx(row["gflop"] / row["limit"] / row["cpu"])


def test_growth_tells_a_step_and_the_judging_of_every_pair(tmp_path: Path) -> None:
    rows = measured(tmp_path, "--what", "growth", "--methods", "eva", "--sizes", "40,60")["rows"]
    steps = [row["entities"] for row in rows if not row["name"].endswith("judged")]
    assert steps == 8 * [40, 60]
    judged = [row["note"] for row in rows if row["name"].endswith("judged")]
    assert sum("judging 60 x 60" in note for note in judged) == len(judged) / 2 > 0


def test_an_earlier_run_stands_beside_a_later_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(tmp_path, "--what", "limits")
    for row in found["rows"]:
        row["cpu"] = 1e6
    (tmp_path / "earlier.json").write_text(json.dumps(found), encoding="utf-8")
    capsys.readouterr()
    measured(tmp_path, "--what", "limits", "--against", str(tmp_path / "earlier.json"))
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(("product", "copy")) and " x  " in line for line in lines) == len(found["rows"])
    assert sum(line.startswith("beside machine") for line in lines) == 1


def test_an_earlier_row_without_a_time_stands_beside_none(tmp_path: Path) -> None:
    table: Any = import_module("table")
    row = {"what": "growth", "name": "eva, full: 60 a side", "threads": 1, "cpu": 2.0}
    old = {"what": "growth", "name": "eva, full: 60 a side", "threads": 1, "note": "not run: some 20 GB expected"}
    assert table.faster(row, {"rows": [old]}) == ""
    assert table.faster(row, {"rows": [{**old, "cpu": 3.0}]}) == "1.50 x"


BAD = {
    "what": ["--what", "nonsense"],
    "a word of what": ["--what", "limits,nonsense"],
    "method": ["--what", "losses", "--methods", "nonsense"],
    "none of it": ["--what", "growth", "--methods", "ikrl"],
    "nothing": ["--what", ""],
    "no entity": ["--what", "growth", "--methods", "eva", "--sizes", "0"],
    "a negative size": ["--what", "growth", "--methods", "eva", "--sizes=-5"],
    "no size": ["--sizes", ""],
    "scale 0": ["--scale", "0"],
    "scale below": ["--scale=-1"],
    "scale nan": ["--scale", "nan"],
    "scale inf": ["--scale", "inf"],
    "rounds": ["--rounds", "0"],
    "threads": ["--threads", "0"],
    "many threads": ["--threads", "many"],
    "memory": ["--memory-gb=-1"],
    "theirs": ["--theirs=-1"],
    "no folder": ["--json", "{folder}/absent/new.json"],
    "a folder": ["--json", "{folder}"],
    "nowhere": ["--json", "/proc/new.json"],
    "missing": ["--against", "{folder}/missing.json"],
    "cut": ["--against", "{folder}/cut.json"],
    "foreign": ["--against", "{folder}/foreign.json"],
    "a list": ["--against", "{folder}/list.json"],
    "bytes": ["--against", "{folder}/bytes.json"],
    "another scale": ["--against", "{folder}/large.json"],
}


@pytest.mark.parametrize("words", BAD.values(), ids=BAD)
def test_what_cannot_be_measured_is_one_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"cut": b'{"rows": [', "foreign": b'{"a": 1}', "list": b"[1]", "bytes": b"\xff\xfe"}
    files["large"] = b'{"machine": {"scale": 1.0}, "rows": []}'
    for name, data in files.items():
        (tmp_path / f"{name}.json").write_bytes(data)
    given = [word.replace("{folder}", str(tmp_path)) for word in words]
    with pytest.raises(SystemExit) as ended:
        import_module("run").main(["--here", "--scale", "0.01", "--rounds", "1", *given])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert {file.stem for file in tmp_path.iterdir()} == set(files)


def chain() -> JointGraph:
    """Return four entities in a row, 0 - 1 - 2 - 3, with three, two, one and no nonzero relation counts."""
    counts = torch.tensor([[1.0, 2, 3], [1, 1, 0], [0, 0, 4], [0, 0, 0]])
    triples = torch.tensor([[0, 0, 1], [1, 0, 2], [2, 1, 3]])
    everyone = torch.ones(4, dtype=torch.bool)
    return JointGraph(2, 2, 2, triples, {"relation": counts}, {"relation": everyone})


def test_graph_layers_are_counted_over_the_edges_that_reach_a_step() -> None:
    counting: Any = import_module("counting")
    shapes = counting.Shapes(chain(), {"relation"})
    mask = torch.tensor([True, False, False, False])
    # One edge and a self-loop lead to 0; three edges and two self-loops to 0 and 1.
    layers, widths = SimpleNamespace(depth=2, heads=2), [7, 5, 3]
    assert counting.attention(shapes, mask, 10, layers) == 3 * 2 * 2 * 10 * (2 + 5)
    assert counting.attention(shapes, mask, 10, layers, back=False) == 2 * 2 * 10 * (2 + 5)
    last = 2 * 2 * 2 * 3 + 3 * 2 * 2 * 5 * 3  # sums for one, maps of two
    first = 2 * 2 * 5 * 5 + 3 * 2 * 3 * 7 * 5  # sums for two, maps of three
    assert counting.convolution(shapes, mask, widths) == last + first
    assert counting.reached(shapes, mask, 2).tolist() == [True, True, True, False]


def test_an_epoch_of_mclea_is_counted_in_closed_form() -> None:
    counting: Any = import_module("counting")
    settings: Any = import_module("kgprism.methods.mclea").Config
    config = settings(modalities={"relation"}, table_width=10, modal_width=6)
    pairs = SimpleNamespace(left=torch.tensor([0]), right=torch.tensor([1]))
    pairs = SimpleNamespace(slices=(type("Pairs", (), {**vars(pairs), "__len__": lambda _: 1})(),))
    task = SimpleNamespace(steps=lambda epoch: [pairs, pairs])
    found = counting.epoch("mclea", SimpleNamespace(graph=chain(), config=config), task)
    # Entities 0 and 1 have five counts; a loss over one pair has seven products of width 6, 10, and both together.
    assert found["maps"] == pytest.approx(2e-9 * 2 * 2 * 5 * 6)
    assert found["losses"] == pytest.approx(2e-9 * 7 * 2 * (6 + 10 + 16))
    # Of each of two heads: three edges and two loops to the step, then five and three.
    assert found["graph"] == pytest.approx(2e-9 * 3 * 2 * 2 * 10 * (5 + 8))


def test_the_scores_of_a_judging_are_distinct_queries_times_entities() -> None:
    counting: Any = import_module("completion_counting")
    method = SimpleNamespace(
        config=SimpleNamespace(scoring=SimpleNamespace(kind="rotate")),
        scorer=SimpleNamespace(norm="modulus", entity_width=8),
        graph=SimpleNamespace(entities=5, features={}),
        modalities=("structure",),
    )
    test = torch.tensor([[0, 0, 1], [0, 0, 2], [1, 0, 2]])
    # Two heads with a relation, two tails with it.
    assert counting.judging(method, SimpleNamespace(queries={"test": test})) == {"scores": 1e-9 * 3.5 * 4 * 5 * 8}


def test_synthetic_data_have_the_published_sizes() -> None:
    synthetic: Any = import_module("synthetic")
    graphs = synthetic.dbp15k(width=1)
    sides = [(len(g.entities), len(g.relations), len(g.triples)) for g in (graphs.left, graphs.right)]
    assert sides == [(19_661, 903, 105_998), (19_993, 1_208, 115_722)]
    assert len(graphs.pairs) == 15_000
    assert len(graphs.left.features["image"].entities) == 14_174
    completion = synthetic.db15k(widths={})
    assert [len(part) for part in (completion.graph.triples, completion.valid, completion.test)] == [79222, 9902, 9904]


def test_the_smallest_graph_has_no_more_images_than_entities() -> None:
    synthetic: Any = import_module("synthetic")
    images = synthetic.grown(10, width=3).left.features["image"]
    assert images.values.shape == (len(images.entities), 3) == (10, 3)
