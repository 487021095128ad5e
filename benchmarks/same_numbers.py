"""Whether a change left every number as it was: all methods, presets, parts and modalities on the built-in graphs.

    .venv/bin/python benchmarks/same_numbers.py FILE [WORD] [--within SHARE]

writes FILE, or compares with it if it exists. WORD keeps the runs and steps whose name holds it, such as "step" (the
quick ones), "run dhns" or "loginmea".

Two proofs. A run: each method under each preset, 3 epochs with an evaluation each, seed 1 - every loss and metric. A
step: each method with every part in every slot - a digest of first weights, losses and gradients, and the losses and
gradients' lengths themselves. Compare on one machine and one version of torch; anything but equality to the last digit
is told, and ends with 1. For work that may round otherwise, `--within 1e-5` compares losses and lengths by their
relative difference, and neither digests nor what a rank decided.
"""

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from kgprism.platform import configuration
from kgprism.platform.batch import Batch, Pairs, Triples
from kgprism.platform.data.catalogue.datasets import load as load_dataset
from kgprism.platform.method import Completion, load, names
from kgprism.platform.part import Settings, alternatives, kind
from kgprism.platform.training import run as runs

SEED = 1
DATA = {"alignment": "toy", "completion": "toy-completion"}
SHORT: dict[str, Any] = {"train.epochs": 3, "eval.every": 1}
#: Pseudo-pairs come after hundreds of epochs: here from the second on.
PSEUDO = {"pseudo_pairs": "probation", "pseudo_pairs.start": 1, "pseudo_pairs.every": 1, "pseudo_pairs.commit": 1}
#: Parts that need what the defaults of their method do not have.
NEEDS = {"mmrns": {"modalities": ["image", "text"]}}


def presets(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a method is run with."""
    method = load(name)
    for preset in method.presets:
        yield preset, {}
    if method.task == "alignment":
        yield "code", PSEUDO
        yield "code", {"train.step": "batch", "train.batch_size": 16, "train.sampling": "neighbours"}


def parts(config: type[Settings], prefix: str = "", above: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the overrides that put each part into each slot, with the parts around it that it needs."""
    for name, field in config.model_fields.items():
        for member in alternatives(field.annotation):
            chosen = dict(above or {})
            if "kind" in member.model_fields:
                chosen[prefix + name] = kind(member)
                yield {**chosen, **NEEDS.get(kind(member), {})}
            yield from parts(member, f"{prefix}{name}.", chosen)


def ran(name: str, preset: str, overrides: dict[str, Any]) -> Any:
    """Return every loss and metric of a short run."""
    dataset = load_dataset(DATA[load(name).task])
    run = runs.plan(name, dataset, SEED, SHORT, overrides, preset=preset)
    outcome = runs.execute(run, dataset)
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in outcome.history]
    return [rows, {how: dict(chosen.metrics) for how, chosen in outcome.selections.items()}]


def stepped(name: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return a digest of first weights, losses and gradients of one step, its losses and the gradients' lengths."""
    dataset = load_dataset(DATA[load(name).task])
    narrow = {key: 20 for key in flat(name, overrides) if key.endswith((".dim", "width"))}
    run = runs.plan(name, dataset, SEED, {**overrides, **narrow})
    method, _ = runs.composed(run, dataset)
    method.start_epoch(0)
    found = hashlib.blake2b(digest_size=8)
    told: dict[str, float] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for phase in method.phases:
            losses = method(batch(method, dataset), phase)
            told |= {f"loss/{phase}/{term}": loss.item() for term, loss in losses.items()}
            torch.stack(list(losses.values())).sum().backward()
    for key, value in sorted(method.named_parameters()):
        for tensor in (value.detach(), value.grad):
            found.update(key.encode() + (b"" if tensor is None else tensor.contiguous().numpy().tobytes()))
        told[f"gradient/{key}"] = 0.0 if value.grad is None else value.grad.norm().item()
    found.update(repr(told).encode())
    return {"digest": found.hexdigest(), **told}


def flat(name: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return the whole configuration under some overrides."""
    return configuration.flatten(configuration.resolve(load(name).Config, overrides))


def batch(method: Any, dataset: Any, count: int = 64) -> Batch | Triples:
    """Return the first pairs or triples as one step."""
    if isinstance(method, Completion):
        return Triples(method.graph.triples[:count], seed=SEED)
    pairs = torch.from_numpy(dataset.pairs[:count].copy())
    return Batch((Pairs(pairs[:, 0], pairs[:, 1] + len(dataset.left.entities)),), SEED)


def tasks() -> dict[str, Callable[[], Any]]:
    """Return all there is to do by its name."""
    found: dict[str, Callable[[], Any]] = {}
    for name in names():
        for preset, overrides in presets(name):
            key = f"run {name} {preset} {' '.join(f'{k}={v}' for k, v in overrides.items())}".strip()
            found[key] = partial(ran, name, preset, overrides)
        for overrides in parts(load(name).Config):
            if not any(key.startswith(("data.", "train.", "eval.", "pseudo_pairs")) for key in overrides):
                found[f"step {name} {json.dumps(overrides, sort_keys=True)}"] = partial(stepped, name, overrides)
    return found


def first_difference(before: Any, now: Any, place: str = "") -> str:
    """Say where two results part."""
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = [(str(key), before.get(key), now.get(key)) for key in [*before, *(now.keys() - before.keys())]]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(str(n), *both) for n, both in enumerate(zip(before, now, strict=True))]
    else:
        return f"{place or 'result'} {before} -> {now}"
    return next(first_difference(old, new, f"{place}/{key}") for key, old, new in pairs if old != new)


def close(before: Any, now: Any, within: float, scale: float = 0.0) -> bool:
    """Tell whether losses and lengths are near each other; one that is nothing beside the largest counts as nothing."""
    if isinstance(before, dict) and isinstance(now, dict):
        told = {key for key in before if key.startswith(("loss", "gradient/"))}
        lengths = [v for k, v in before.items() if k.startswith("gradient/")]
        return all(
            close(before[key], now.get(key), within, max(lengths, default=0.0) if key.startswith("gradient/") else 0.0)
            for key in told
        )
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return all(close(*both, within) for both in zip(before, now, strict=True))
    if isinstance(before, float) and isinstance(now, float):
        return math.isclose(before, now, rel_tol=within, abs_tol=within * max(scale, 1e-3))
    return bool(before == now)


def measured(word: str) -> dict[str, Any]:
    """Return what every run and step gives whose name holds a word."""
    now = {}
    for key, task in tasks().items():
        if word in key:
            print(f"{time.process_time():7.1f} s  {key}", file=sys.stderr, flush=True)
            now[key] = json.loads(json.dumps(task()))
    return now


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--within", type=float, default=0.0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    now = measured(asked.word)
    if not asked.file.exists():
        asked.file.write_text(json.dumps(now, indent=0), encoding="utf-8")
        print(f"{len(now)} runs and steps written to {asked.file}")
        return 0
    known = json.loads(asked.file.read_text(encoding="utf-8"))
    before = {key: value for key, value in known.items() if asked.word in key}
    same: Callable[[Any, Any], bool] = partial(close, within=asked.within) if asked.within else (lambda a, b: a == b)
    moved = [key for key in before if not same(before[key], now.get(key))]
    for key in moved:
        print(f"moved: {key}: {first_difference(before[key], now.get(key))}")
    new = len(now.keys() - before.keys())
    how = f"within {asked.within:g}" if asked.within else "to the last digit"
    print(f"{len(before) - len(moved)} of {len(before)} runs and steps equal {how}, {new} new")
    return 1 if moved else 0


if __name__ == "__main__":
    sys.exit(main())
