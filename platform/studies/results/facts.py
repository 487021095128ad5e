"""With what runs were made, from their records: code, data, machines, packages, time, memory; older ones know less."""

from collections.abc import Iterable, Iterator, Sequence

from kgprism.platform.studies.store.duration import duration
from kgprism.platform.studies.store.record import Record

#: Digits of a commit that are told, and the packages that are, besides Python.
_DIGITS, _PACKAGES = 7, ("torch", "python")


def facts(records: Sequence[Record]) -> str:
    """Return one line on all of these runs; several commits, machines or versions stand side by side."""
    told = [*_code(records), *_data(records), *_made(records), _spent(records)]
    return " ".join(f"{sentence}." for sentence in told)


def _code(records: Sequence[Record]) -> Iterator[str]:
    commits = _each(
        f"{word[:_DIGITS]}{' (with changes)' if record.code.get('dirty') else ''}"
        for record in records
        if isinstance(word := record.code.get("commit"), str)
    )
    versions = _each(record.packages.get("kgprism", "") for record in records)
    parts = [f"commit {commits}" if commits else "", f"kgprism {versions}" if versions else ""]
    if any(parts):
        yield f"Code: {', '.join(filter(None, parts))}"


def _data(records: Sequence[Record]) -> Iterator[str]:
    """Say which data these were: the same content has the same fingerprint."""
    if named := _each(f"{record.dataset} {record.fingerprint}" for record in records if record.fingerprint):
        yield f"Data: {named}"


def _made(records: Sequence[Record]) -> Iterator[str]:
    if machines := _each((_hardware(record) for record in records), "; "):
        yield f"Hardware: {machines}"
    named = {name: _each(record.packages.get(name, "") for record in records) for name in _PACKAGES}
    if some := [f"{name.replace('python', 'Python')} {word}" for name, word in named.items() if word]:
        yield ", ".join(some)


def _hardware(record: Record) -> str:
    machine = record.machine
    cores, gpu = machine.get("cores"), machine.get("gpu")
    parts = [machine.get("model") or machine.get("processor"), f"{cores} cores" if cores else "", machine.get("memory")]
    parts.append("" if gpu is None else "no GPU" if gpu == "none" else f"GPU {gpu}")
    return ", ".join(filter(None, parts))


def _spent(records: Sequence[Record]) -> str:
    """Say how long the runs took, one after the other, and the most memory that the process of one had (or its GPU)."""
    processor = [record.cpu_seconds for record in records if record.cpu_seconds is not None]
    many = f"{len(records)} runs" if len(records) > 1 else "1 run"
    told = f"{many}, {duration(sum(record.seconds for record in records))} in all"
    if processor:
        known = "" if len(processor) == len(records) else f" of {len(processor)} of them"
        told += f" ({duration(sum(processor))} of processor{known})"
    peak = max(record.peak_bytes for record in records)
    return f"{told}, peak memory {_size(peak)}" if peak > 0 else told


def _size(peak: int) -> str:
    return f"{peak / 2**30:.1f} GiB" if peak >= 2**30 else f"{peak / 2**20:.1f} MiB"


def _each(words: Iterable[str], between: str = ", ") -> str:
    """Return each word once, in the order in which they come."""
    return between.join(dict.fromkeys(filter(None, words)))
