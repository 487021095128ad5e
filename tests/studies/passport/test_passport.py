"""A passport: packed here, looked at and made again elsewhere; whatever was changed on the way is found."""

import json
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.studies.passport import checking
from kgprism.platform.studies.passport.archive import read, unpacked
from kgprism.platform.studies.passport.checking import verify
from kgprism.platform.studies.passport.packing import pack


def rewritten(file: Path, name: str, data: bytes | None) -> Path:
    """Copy a passport with one file changed, or without it."""
    copy = file.with_name("changed.zip")
    with ZipFile(file) as before, ZipFile(copy, "w") as after:
        for other in before.namelist():
            if other != name or data is not None:
                after.writestr(other, before.read(other) if other != name else data)
        if name not in before.namelist():
            after.writestr(name, data)
    return copy


def test_it_holds_what_the_numbers_hang_on(packed) -> None:
    passport = read(packed.file)
    (cell,), (missing,) = passport.cells, passport.missing
    assert (cell.variant, cell.dataset, cell.seed, missing.seed) == ("whole", "toy", 1, 2)
    with ZipFile(packed.file) as archive:
        names = set(archive.namelist()) - {"passport.json"}
        record = json.loads(archive.read(f"runs/{cell.run}/run.json"))
        table = archive.read("tables/tiny.md").decode()
        assert "torch==" in archive.read("requirements.txt").decode()
    runs = {f"runs/{cell.run}/{name}" for name in ("run.json", "history.parquet", "ranks.npz")}
    tables = {f"tables/tiny.{ending}" for ending in ("md", "csv", "json", "tex")}
    assert names == runs | tables | {"suite.json", "study.json", "environment.json", "requirements.txt"}
    assert record["fingerprint"] == toy.aligned().fingerprint
    assert "The method" in table


def test_a_cell_made_again_elsewhere_has_the_same_numbers(packed, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "elsewhere"))
    checked = verify(packed.file, "whole")
    assert checked.apart == 0
    assert {one.select for one in checked.numbers} == {"valid", "best_test", "last"}
    assert checked.unlike == []
    assert not (tmp_path / "elsewhere" / "runs").exists()


def test_other_numbers_and_other_packages_are_told(packed, monkeypatch: pytest.MonkeyPatch) -> None:
    record = packed.store.read(read(packed.file).cells[0].run)
    metrics = {select: dict(chosen["metrics"]) for select, chosen in record.selections.items()}
    metrics["last"]["test/l2r/mrr"] += 0.25
    metrics["last"]["test/l2r/mr"] += 9
    made = SimpleNamespace(selections={s: SimpleNamespace(metrics=found) for s, found in metrics.items()})
    monkeypatch.setattr(checking, "execute", lambda *others, **options: made)
    monkeypatch.setattr(checking, "source_digest", lambda method: "other")
    checked = verify(packed.file, "whole")
    assert checked.apart == pytest.approx(0.25)
    assert [(one.part, one.key, one.right) for one in checked.unlike] == [("code", "digest", "other")]


def test_a_change_on_the_way_is_found(packed) -> None:
    run = read(packed.file).cells[0].run
    for name, data in (("tables/tiny.md", b"better"), (f"runs/{run}/ranks.npz", b""), ("more.txt", b"")):
        with pytest.raises(DataError, match=f"{name}: changed since the passport was made"):
            read(rewritten(packed.file, name, data))
    for name in ("study.json", "passport.json"):
        with pytest.raises(DataError, match="no passport, or a damaged one"):
            read(rewritten(packed.file, name, None))
    packed.file.write_bytes(packed.file.read_bytes()[:-30])
    with pytest.raises(DataError, match="no passport, or a damaged one"):
        read(packed.file)
    with pytest.raises(DataError, match=r"nowhere\.zip: cannot be read"):
        read(packed.file.with_name("nowhere.zip"))


def test_what_cannot_be_made_again_is_told_before_it_is_tried(packed, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"no finished row 'hole' \(did you mean 'whole'\?\)"):
        verify(packed.file, "hole")
    with pytest.raises(ConfigurationError, match="row 'whole' on toy with seed 1"):
        verify(packed.file, "whole", seed=2)
    monkeypatch.setattr(checking.datasets, "load", lambda name: SimpleNamespace(fingerprint="other"))
    with pytest.raises(DataError, match="toy here is not that of the passport"):
        verify(packed.file, "whole")


def test_runs_that_came_out_of_a_passport_are_packed_again(packed, tmp_path: Path) -> None:
    run = read(packed.file).cells[0].run
    (packed.store.folder / run).rename(tmp_path / "gone")
    unpacked(packed.file, run, packed.store.folder)
    again = pack(packed.suite, packed.asked, packed.store, tmp_path / "again.zip", called="tiny")
    assert again.cells == read(packed.file).cells
    (packed.store.folder / run / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(DataError, match=r"model\.safetensors: changed since it was written: see kgprism runs verify"):
        pack(packed.suite, packed.asked, packed.store, tmp_path / "b.zip", called="tiny")


def test_a_suite_without_runs_and_a_damaged_run_are_not_packed(packed, tmp_path: Path) -> None:
    folder = packed.store.folder / read(packed.file).cells[0].run
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace('"peak_bytes": ', '"peak_bytes": 1'))
    with pytest.raises(DataError, match="changed since it was written: see kgprism runs verify"):
        pack(packed.suite, packed.asked, packed.store, tmp_path / "b.zip", called="tiny")
    (folder / "run.json").unlink()
    with pytest.raises(ConfigurationError, match="tiny: no finished run"):
        pack(packed.suite, packed.asked, packed.store, tmp_path / "b.zip", called="tiny")
    assert not (tmp_path / "b.zip").exists()
