"""What the machine itself can do: fp32 matrix products and copies. All other numbers are held against these."""

from functools import cache
from typing import Any

import torch
from machine import Setting, Times, clocked, device

#: Rows, inner and columns of the products: a contrastive tile of narrow and of wide rows, a projection, a square.
SHAPES = ((3500, 300, 3500), (3500, 1200, 3500), (8192, 2048, 300), (2048, 2048, 2048))


def product(shape: tuple[int, int, int], setting: Setting, rounds: int) -> tuple[float, Times]:
    """Return GFLOP of a matrix product and its best times."""
    rows, inner, columns = shape
    left, right = torch.randn(rows, inner, device=device()), torch.randn(inner, columns, device=device())
    out = torch.empty(rows, columns, device=device())
    torch.mm(left, right, out=out)
    return 2e-9 * rows * inner * columns, clocked(lambda: torch.mm(left, right, out=out), rounds)


@cache
def peak(setting: Setting) -> float:
    """Return the highest GFLOP/s of fp32 products that this process reaches, kept for its lifetime."""
    shapes = SHAPES if setting.scale == 1 else ((512, 512, 512),)
    measured = (product(shape, setting, 5) for shape in shapes)
    return max(gflop / times.seconds(setting.threads) for gflop, times in measured)


def rows(setting: Setting) -> list[dict[str, Any]]:
    """Return a row a shape, and one of copies."""
    found = []
    for shape in SHAPES if setting.scale == 1 else ((512, 512, 512),):
        gflop, times = product(shape, setting, max(5, setting.rounds))
        rate = gflop / times.seconds(setting.threads)
        found.append(_row(f"product {' x '.join(map(str, shape))}", times, gflop=gflop, rate=rate, unit="GFLOP/s"))
    count = int(2**26 * min(1.0, setting.scale))
    source = torch.randn(count, device=device())
    target = torch.empty_like(source)
    times = clocked(lambda: target.copy_(source), max(5, setting.rounds))
    # A copy reads and writes.
    rate = 8e-9 * count / times.seconds(setting.threads)
    return [*found, _row(f"copy of {4e-6 * count:.0f} MB", times, rate=rate, unit="GB/s")]


def _row(name: str, times: Times, **others: Any) -> dict[str, Any]:
    return {"what": "limits", "name": name, "wall": times.wall, "cpu": times.cpu, **others}


def shared(setting: Setting, row: dict[str, Any]) -> dict[str, Any]:
    """Add a row's GFLOP, the limit of this very process, and which share of it was reached."""
    gflop, limit = sum(row["terms"].values()), peak(setting)
    seconds = row["cpu"] if setting.threads == 1 and not torch.cuda.is_available() else row["wall"]
    return {**row, "gflop": gflop, "limit": limit, "share": gflop / limit / seconds}
