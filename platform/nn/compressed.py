"""Row-compressed sparse matrices; torch's warning that they are in beta is left out: what is used is settled."""

import warnings

import torch
from torch import Tensor

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")


def compressed(starts: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a matrix of `size`: row r holds ``values[starts[r]:starts[r + 1]]`` in its columns; nothing is checked."""
    return torch.sparse_csr_tensor(starts, columns, values, size, check_invariants=False)
