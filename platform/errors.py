"""What a user can mend: errors of one line that name the place and the nearest valid word."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

#: What the field calls a setting -> what the last part of its key is here.
ALIASES = {
    "amp": ("precision",),
    "batch": ("batch_size",),
    "bs": ("batch_size",),
    "csls": ("csls_k",),
    "cuda": ("device",),
    "dim": ("width", "dim"),
    "drop": ("dropout",),
    "early_stop": ("patience",),
    "embedding_dim": ("width", "table_width", "dim"),
    "eval_epoch": ("every",),
    "fp16": ("precision",),
    "gamma": ("margin",),
    "gpu": ("device",),
    "grad_clip": ("clip",),
    "hidden_dim": ("hidden", "hidden_width"),
    "l2": ("weight_decay",),
    "layers": ("depth", "layers"),
    "lr": ("learning_rate",),
    "lr_rate": ("learning_rate",),
    "num_heads": ("heads",),
    "num_layers": ("depth", "layers"),
    "scheduler": ("schedule",),
    "seed": ("split_seed", "holdout_seed"),
    "tau": ("temperature",),
    "temp": ("temperature",),
    "train_ratio": ("seed_ratio",),
    "wd": ("weight_decay",),
}
#: More keys than this are not told for one word, and none that is less alike.
_TOLD, _NEAR = 6, 0.7


class KgprismError(Exception):
    """Anything that the user can mend; printed without a traceback, exit code 2."""


class ConfigurationError(KgprismError):
    """An unknown key, a value out of range, an unknown name; raised before anything starts."""


class DataError(KgprismError):
    """A file that cannot be read as what it claims to be; names file and line."""


class RunError(KgprismError):
    """A run that cannot go on, such as a non-finite loss."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest known word, else the known words if they are few, else ``''``."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f" (did you mean '{close[0]}'?)"
    return f" (known: {', '.join(known)})" if 0 < len(known) <= 12 else ""


def nearest_key(key: str, *known: Collection[str]) -> str:
    """Return `` (did you mean 'train.epochs'?)`` for a dotted key: its last part decides, or what `ALIASES` make of it.

    Of several groups of known keys the first that has this last part is told, and there the keys of the same place.
    """
    place, _, last = key.rpartition(".")
    words = {last, *ALIASES.get(last.lower(), ())}
    known = tuple({one.removesuffix(".kind") for one in group} for group in known)  # a slot is set by its own name
    for group in known:
        if same := sorted(one for one in group if one.rpartition(".")[2] in words):
            return _did_you_mean([one for one in same if one.rpartition(".")[0] == place] or same)
    every = sorted({one for group in known for one in group})
    if place and (close := get_close_matches(key, every, n=1, cutoff=_NEAR)):
        return _did_you_mean(close)
    if close := get_close_matches(last, sorted({one.rpartition(".")[2] for one in every}), n=1, cutoff=_NEAR):
        return _did_you_mean([one for one in every if one.rpartition(".")[2] == close[0]])
    return nearest(key, every) if len(every) <= 12 else ""


def _did_you_mean(keys: list[str]) -> str:
    *others, last = [f"'{key}'" for key in keys[:_TOLD]]
    if len(keys) > _TOLD:
        return f" (did you mean {', '.join([*others, last])}, ...?)"
    return f" (did you mean {', '.join(others)} or {last}?)" if others else f" (did you mean {last}?)"


def first_line(error: BaseException | str) -> str:
    """Return the first line of a message that says anything, or the kind of error where it says nothing."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), "" if isinstance(error, str) else type(error).__name__)
