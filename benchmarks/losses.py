"""The contrastive losses alone: forward and backward over one slice of pairs, and the memory that they take besides."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from counting import PRODUCTS, contrast
from limits import shared
from machine import Setting, apart, clocked, device, forget_peak, memory

from kgprism.platform.batch import Pairs
from kgprism.platform.nn.losses.alignment_losses import NCA
from kgprism.platform.nn.losses.contrastive import ICL, InfoNCE

#: MEAformer's batch on DBP15K; widths of a modality, of two joint views, and of LoginMEA's.
PAIRS, WIDTHS = 3500, (300, 800, 1200, 2400)
LOSSES: dict[str, Callable[[], Any]] = {
    "icl": lambda: ICL.Config().build(),
    "info_nce": lambda: InfoNCE.Config().build(),
    "nca": lambda: NCA.Config().build(),
}


def measured(setting: Setting, name: str, width: int) -> dict[str, Any]:
    """Return a row: seconds of both passes, and GB beyond embeddings and their gradient."""
    torch.manual_seed(0)
    count = max(8, round(PAIRS * setting.scale))
    loss = LOSSES[name]().to(device())
    rows = torch.randn(2 * count, width, device=device(), requires_grad=True)
    rows.grad = torch.zeros_like(rows)
    left = torch.arange(count, device=device())
    pairs = Pairs(left, left + count)

    def both() -> None:
        loss(rows, pairs).backward()

    if not setting.here:
        forget_peak()
    held = memory("VmRSS")
    both()
    extra = None if setting.here else round(memory() - held, 3)
    times = clocked(both, setting.rounds)
    row = {"what": "losses", "name": f"{name}, {count} pairs, width {width}", "wall": times.wall, "cpu": times.cpu}
    terms = {"products": 1e-9 * contrast(count, width, PRODUCTS[name])}
    return shared(setting, {**row, "terms": terms, "peak_gb": extra})


def rows(setting: Setting) -> Iterator[dict[str, Any]]:
    """Measure every loss at every width, each in a process of its own."""
    for name in LOSSES:
        for width in WIDTHS:
            yield apart(setting, measured, name, width)
