"""What a section says of its runs: facts as far as a record has them, epochs, the command."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pyarrow
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.studies.inspection.inspection import files as inspection_files
from kgprism.platform.studies.inspection.inspection import inspect
from kgprism.platform.studies.inspection.overlaps import keep_overlaps
from kgprism.platform.studies.passport.archive import sum_of
from kgprism.platform.studies.results.commands import commands
from kgprism.platform.studies.results.epochs import epochs
from kgprism.platform.studies.results.facts import facts
from kgprism.platform.studies.results.section import section
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.manifest import load_manifest

OLD = Record("a", "eva", "toy", 1, {}, (), {}, "finished", 3600.0, 0, "2026-01-01T00:00:00", Path())
NEW = replace(
    OLD,
    seconds=120.0,
    cpu_seconds=60.0,
    peak_bytes=3 * 2**29,
    fingerprint="f00d",
    code={"commit": "0123456789abcdef", "dirty": True},
    machine={"processor": "x86_64", "model": "A chip", "cores": "2", "memory": "8.0 GiB", "gpu": "none"},
    packages={"kgprism": "1.0", "torch": "2.9", "python": "3.11"},
)


def test_what_an_older_record_does_not_know_is_left_out() -> None:
    assert facts([OLD]) == "1 run, 60 min in all."


def test_facts_of_several_runs_stand_side_by_side() -> None:
    gpu = replace(NEW, code={"commit": "fedcba9876"}, machine=dict(NEW.machine) | {"gpu": "B card, 80.0 GiB"})
    assert facts([NEW, NEW, gpu, OLD]) == (
        "Code: commit 0123456 (with changes), fedcba9, kgprism 1.0. Data: toy f00d. "
        "Hardware: A chip, 2 cores, 8.0 GiB, no GPU; A chip, 2 cores, 8.0 GiB, GPU B card, 80.0 GiB. "
        "torch 2.9, Python 3.11. "
        "4 runs, 66 min in all (3 min of processor of 3 of them), peak memory 1.5 GiB."
    )


def test_epochs_are_ranges_over_seeds_and_pseudo_pairs_are_counted(made) -> None:
    cells = [cell for cell in load_manifest(made.study.parent).cells if cell.variant == "whole"]
    histories = [
        pyarrow.table({"pseudo_pairs": [None, 5.0, float("nan"), 7.0]}),
        pyarrow.table({"pseudo_pairs": [3.0]}),
    ]
    chosen = [({"valid": 1, "best_test": 4, "last": 4}), ({"best_test": 1, "last": 1})]
    records = {
        cell.run.id: SimpleNamespace(
            selections={word: {"epoch": epoch} for word, epoch in picks.items()}, epochs=lambda rows=rows: rows
        )
        for cell, picks, rows in zip(cells, chosen, histories, strict=False)
    }
    assert epochs(made.suite, cells, records) == [
        ["Row", "method, preset", "epochs", "by valid", "by best_test", "pseudo-pairs"],
        ["The method", "eva", "1 to 4 of 2", "1", "1 to 4", "3 to 12"],
    ]


def test_a_command_is_what_was_typed_else_what_asks_for_the_same_cells(made) -> None:
    manifest = load_manifest(made.study.parent)
    assert commands(made.suite, manifest) == ("kgprism ablate tiny.yaml --cpus 2",)
    bare = replace(manifest, commands=())
    assert commands(made.suite, bare) == ("kgprism ablate tiny",)
    some = [cell for cell in bare.cells if cell.seed < 3 and cell.variant == "blind"]
    asked = replace(bare, cells=some, preset="paper", overrides={"train.epochs": 2}, file="/home/me/tiny.yaml")
    assert commands(made.suite, asked) == (
        "kgprism ablate tiny.yaml --variants blind --seeds 2 --preset paper --set train.epochs=2",
    )
    other = [replace(cell, dataset="other") for cell in bare.cells]
    assert commands(made.suite, replace(bare, cells=other)) == ("kgprism ablate tiny --dataset other",)
    assert commands(made.suite, replace(bare, cells=bare.cells[1:])) == (), "no command leaves one cell out"
    assert commands(made.suite, replace(bare, cells=[c for c in bare.cells if c.seed > 1])) == ()


def test_what_was_seen_of_rows_and_counted_of_data_goes_with_a_passport(made, tmp_path: Path) -> None:
    cells, data, seen = load_manifest(made.study.parent).cells, {"toy": toy.aligned()}, made.home / "inspections"
    before = section(made.file, "")
    assert not [name for name in ZipFile(made.file).namelist() if name.startswith("inspections/")]
    keep_overlaps(cells, data, seen)
    ((_, compared),) = inspect(made.suite, cells, data, seen)[0].items()
    (file,) = inspection_files(made.suite, cells, seen)
    nothing = compared.model_copy(update={"weights": (), "terms": (), "change": 0.0, "moved": 0, "judged": 0.0})
    file.write_text(nothing.model_dump_json(), encoding="utf-8")
    made.again(tmp_path / "again.zip")
    with ZipFile(tmp_path / "again.zip") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= dict.fromkeys(("inspections/..", "inspections/a/b.json", f"inspections/{'n' * 300}.json"), b"{")
    passport = json.loads(content["passport.json"])
    passport["sums"] = {name: sum_of(data) for name, data in content.items() if name != "passport.json"}
    with ZipFile(tmp_path / "again.zip", "w") as archive:
        for name, data in (content | {"passport.json": json.dumps(passport).encode()}).items():
            archive.writestr(name, data)
    after = section(tmp_path / "again.zip", "")
    assert "Data, counted" not in before
    assert [line.split("|")[2:4] for line in after.splitlines() if "names are the same" in line] == [
        ["    83 ", " 400 "]
    ]
    assert "w/o Visual †" in after
    assert "does nothing at first" in after
    file.write_text("{", encoding="utf-8")
    with pytest.warns(SetAsideWarning, match=r"set aside"):
        made.again(tmp_path / "damaged.zip")
    assert f"inspections/{file.name}" not in ZipFile(tmp_path / "damaged.zip").namelist()
