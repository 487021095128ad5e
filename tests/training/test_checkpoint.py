import numpy as np
import pytest
import torch

from kgprism.platform.errors import RunError
from kgprism.platform.training import checkpoint


def test_arrays_tensors_and_plain_values_come_back_as_they_were(tmp_path):
    file = tmp_path / "checkpoint.pt"
    state = {"a": np.arange(3, dtype=np.int32), "t": torch.ones(2), "rows": [{"x": 1.5, "none": None}], 3: "three"}
    checkpoint.save(file, state)
    found = checkpoint.read(file)
    np.testing.assert_array_equal(found["a"], state["a"])
    assert found["a"].dtype == np.int32
    torch.testing.assert_close(found["t"], state["t"])
    assert found["rows"] == state["rows"]
    assert found[3] == "three"
    assert list(tmp_path.iterdir()) == [file]


def test_none_without_a_file_and_one_clear_line_for_a_damaged_one(tmp_path):
    file = tmp_path / "checkpoint.pt"
    assert checkpoint.read(file) is None
    checkpoint.save(file, {"t": torch.ones(1000)})
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(RunError, match=r"damaged checkpoint.*delete it"):
        checkpoint.read(file)


def test_pickled_code_is_not_run(tmp_path):
    file = tmp_path / "checkpoint.pt"
    torch.save(pytest.raises, file)
    with pytest.raises(RunError, match="damaged checkpoint"):
        checkpoint.read(file)
