"""AdamW's lazy steps: of a table whose gradient is sparse, only the rows in that gradient move."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.adamw import AdamW, adamw


def step_rows(adam: AdamW) -> None:
    """Step every table with a sparse gradient in the rows that this names, and clear it: other rows cost nothing.

    That is `torch.optim.SparseAdam` with decoupled weight decay. A row that is named takes AdamW's step. One that is
    not keeps weights and moments to the bit: these do not fade, and it does not decay, so that numbers differ from
    AdamW's. Moments are corrected for their start by the table's steps, not the row's, as there: a row that is first
    met late takes a larger first step, 3.2 times the rate with the usual betas. If all are named in each step, it is
    AdamW.
    """
    for group in adam.param_groups:
        for table in group["params"]:
            if table.grad is not None and table.grad.is_sparse:
                _step(table, group, adam.state[table])
                table.grad = None


@torch.no_grad()
def _step(table: Parameter, group: dict[str, Any], state: dict[str, Tensor]) -> None:
    """Let PyTorch's own kernel step the rows, taken out and put back; `state` is named as AdamW names it."""
    if not state:
        state["step"] = torch.zeros((), device=table.device)
        state |= {name: torch.zeros_like(table) for name in ("exp_avg", "exp_avg_sq")}
    rows, gradient = _distinct(table)
    whole = (table, state["exp_avg"], state["exp_avg_sq"])
    parts = [tensor[rows] for tensor in whole]
    beta1, beta2 = group["betas"]
    adamw(
        *([part] for part in (parts[0], gradient, *parts[1:])),
        [],
        [state["step"]],
        fused=True,
        amsgrad=False,
        beta1=beta1,
        beta2=beta2,
        lr=group["lr"],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        maximize=False,
    )
    for tensor, part in zip(whole, parts, strict=True):
        tensor[rows] = part


def held(table: Parameter) -> Tensor:
    """Return the table, or what stands for it where its gradient is sparse: the rows that are named, with theirs.

    What is done to that gradient in place is done to the table's.
    """
    if table.grad is None or not table.grad.is_sparse:
        return table
    _, gradient = _distinct(table)
    stands = torch.empty_like(gradient)
    stands.grad = gradient
    return stands


def _distinct(table: Parameter) -> tuple[Tensor, Tensor]:
    """Return the rows that a gradient names, each once, and what it holds for them."""
    assert table.grad is not None
    rows = table.grad._indices()[0]
    # Of one slice they come ascending; what several have for a row is summed.
    if not table.grad.is_coalesced() and bool((rows.diff() <= 0).any()):
        table.grad = table.grad.coalesce()
    return table.grad._indices()[0], table.grad._values()
