"""Gumbel noise: the largest of logits plus such noise are a draw without replacement (Kool et al., 2019, section 2)."""

import torch
from torch import Tensor


def gumbel(like: Tensor, draw: torch.Generator) -> Tensor:
    """Return standard Gumbel numbers in the shape of `like`, float32."""
    return torch.empty(like.shape, device=like.device).exponential_(generator=draw).log().neg()
