import numpy as np
import pytest
import torch

from kgprism.platform.kept import DamagedError, SetAsideWarning
from kgprism.platform.training import checkpoint


def test_arrays_tensors_and_plain_values_come_back_as_they_were(tmp_path):
    file = tmp_path / "checkpoint.pt"
    state = {"a": np.arange(3, dtype=np.int32), "t": torch.ones(2), "rows": [{"x": 1.5, "none": None}], 3: "three"}
    checkpoint.save(file, state)
    found = checkpoint.load(file)
    np.testing.assert_array_equal(found["a"], state["a"])
    assert found["a"].dtype == np.int32
    torch.testing.assert_close(found["t"], state["t"])
    assert found["rows"] == state["rows"]
    assert found[3] == "three"
    assert list(tmp_path.iterdir()) == [file]


GOOD = {
    **{"method": {"x": torch.ones(2)}, "optimiser": {}, "task": {}, "selecting": {"best": {}}},
    **{"history": [{"epoch": 1.0, "loss": 0.5}], "seconds": 1.5, "random": {"cpu": torch.get_rng_state()}},
}


def test_a_state_comes_back_and_none_without_a_file(tmp_path):
    file = tmp_path / "checkpoint.pt"
    assert checkpoint.read(file, checkpoint.State) is None
    checkpoint.save(file, GOOD)
    state = checkpoint.read(file, checkpoint.State)
    assert state.history == GOOD["history"]
    assert torch.equal(state.method["x"], torch.ones(2))


@pytest.mark.parametrize(
    "changed",
    [
        {"history": [{"epoch": "1"}]},
        {"history": None},
        {"seconds": "long"},
        {"method": {"x": 3}},
        {"random": torch.get_rng_state()},
        {"selecting": []},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_state_of_other_types_is_set_aside(tmp_path, changed):
    file = tmp_path / "checkpoint.pt"
    checkpoint.save(file, GOOD | changed)
    with pytest.warns(SetAsideWarning, match=rf"damaged \(checkpoint\.pt: {next(iter(changed))}") as told:
        assert checkpoint.read(file, checkpoint.State) is None
    assert "\n" not in str(told[0].message)
    assert not file.exists()
    assert (tmp_path / ".damaged" / "checkpoint.pt").exists()


@pytest.mark.parametrize("how", ["cut", "text", "empty", "other", "list", "folder", "array"])
def test_what_is_no_checkpoint_is_set_aside(tmp_path, how):
    file = tmp_path / "checkpoint.pt"
    checkpoint.save(file, {"other": 3} if how == "other" else [GOOD] if how == "list" else GOOD)
    if how == "folder":
        file.unlink()
        file.mkdir()
    elif how == "array":
        torch.save({"__array__": 3}, file)
    elif how in ("cut", "text", "empty"):
        file.write_bytes({"cut": file.read_bytes()[:500], "text": b"no checkpoint", "empty": b""}[how])
    with pytest.warns(SetAsideWarning, match="set aside as"):
        assert checkpoint.read(file, checkpoint.State) is None
    assert [path.name for path in tmp_path.iterdir()] == [".damaged"]


def test_one_bit_of_a_weight_is_missed(tmp_path):
    file = tmp_path / "checkpoint.pt"
    checkpoint.save(file, GOOD | {"method": {"x": torch.zeros(1000)}})
    whole = file.read_bytes()
    place = whole.index(bytes(4000)) + 2003
    file.write_bytes(whole[:place] + b"\x40" + whole[place + 1 :])
    with pytest.warns(SetAsideWarning, match="is not what was written"):
        assert checkpoint.read(file, checkpoint.State) is None


def test_pickled_code_is_not_run(tmp_path):
    file = tmp_path / "checkpoint.pt"
    torch.save(pytest.raises, file)
    with pytest.raises(DamagedError, match=r"checkpoint\.pt cannot be read"):
        checkpoint.load(file)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    file = tmp_path / "checkpoint.pt"
    checkpoint.save(file, {"epoch": 1})

    def torn(state, scratch):
        scratch.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(file, {"epoch": 2})
    assert checkpoint.load(file) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [file]
