"""``kgprism passport``: a suite's numbers with all that they hang on in one file; one made again elsewhere."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json, Preset, Sets, known_file
from kgprism.platform.cli.screen import say, show_json, show_table, tell
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.settings import HEADLINES

if TYPE_CHECKING:
    from kgprism.platform.studies.passport.checking import Checked

#: In place of a suite: look into a file.
_VERIFY = "verify"
#: How many epochs pass between two lines.
_EVERY = 10


def passport(
    suite: Annotated[
        str,
        typer.Argument(
            metavar="SUITE|verify",
            help="A shipped suite, or the path of a YAML file; `verify`: look into FILE.",
            autocompletion=completion.suites,
        ),
    ],
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A passport, behind `verify`.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where it is written; SUITE.passport.zip.")
    ] = None,
    preset: Preset = None,
    sets: Sets = None,
    cell: Annotated[
        str | None, typer.Option("--cell", metavar="ROW", help="Behind verify: the row of which a cell is made again.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="With --cell: on this one.", autocompletion=completion.datasets),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="With --cell: with this one.")] = None,
    within: Annotated[
        float,
        typer.Option(
            "--within", min=0, help="With --cell: how far Hits@k and MRR may be apart; 0: equal to the last digit."
        ),
    ] = 0.005,
    json: Json = False,
) -> None:
    """Pack a suite's settings, environment, data's fingerprints, ranks and tables; verify makes a cell again elsewhere.

    Exit code 1 if its numbers are further apart than --within.
    """
    if suite != _VERIFY:
        if file or cell or dataset or seed is not None:
            raise ConfigurationError(f"{suite}: FILE, --cell, --dataset and --seed belong behind `passport verify`")
        _pack(suite, output, preset, sets, json)
        return
    if file is None:
        raise ConfigurationError("passport verify: which FILE?")
    if output or preset or sets:
        raise ConfigurationError("passport verify: --output, --preset and --set belong to the packing of a suite")
    if cell is None:
        _look(file, json)
    else:
        _repeat(file, cell, dataset, seed, within, json)


def _pack(suite: str, output: Path | None, preset: str | None, sets: list[str] | None, json: bool) -> None:
    known_file("kgprism.ablations", suite)
    from kgprism.platform.configuration import parse
    from kgprism.platform.studies.passport.packing import pack
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.asked import Asked
    from kgprism.platform.studies.suites.suite import read

    found = read(suite)
    asked = Asked.of(found, preset, parse(sets or [])).known()
    file = output or Path(f"{asked.name}.passport.zip")
    made = pack(found, asked, Store(), file, called=suite)
    if json:
        show_json(made.model_dump() | {"file": str(file)})
        return
    say(f"{file}: {len(made.cells)} cells, {file.stat().st_size / 2**10:,.0f} KiB")
    if made.missing:
        tell(f"not finished, and so not in it: {len(made.missing)} of {len(made.missing) + len(made.cells)} cells")
    say(f"elsewhere: kgprism passport verify {file} --cell {made.cells[0].variant}")


def _look(file: Path, json: bool) -> None:
    """Compare all sums, and show what a passport holds."""
    from kgprism.platform.studies.passport.archive import read

    found = read(file)
    if json:
        show_json(found.model_dump())
        return
    rows = [(s.variant, s.dataset, s.seed_ratio, str(s.seed), s.run) for s in found.cells]
    show_table(("row", "dataset", "seed ratio", "seed", "run"), rows, title=f"{found.suite}, {found.made}")
    say(f"{len(found.sums)} files are as they were packed; --cell ROW makes a cell again")


def _repeat(file: Path, row: str, dataset: str | None, seed: int | None, within: float, json: bool) -> None:
    from kgprism.platform.studies.passport.checking import verify

    def listen(told: dict[str, float]) -> bool:
        if told["epoch"] % _EVERY == 1:
            tell(f"epoch {told['epoch']:.0f}: loss {told['loss']:.4g}")
        return False

    checked = verify(
        file,
        row,
        dataset=dataset,
        seed=seed,
        listener=listen,
        told=lambda stamp: tell(f"row {row} on {stamp.dataset}, seed {stamp.seed}: run {stamp.run} is made again"),
    )
    if json:
        plain = {"cell": checked.stamp.model_dump(), "apart": checked.apart, "within": within}
        show_json(plain | {"numbers": list(map(asdict, checked.numbers)), "unlike": list(map(asdict, checked.unlike))})
    else:
        _show(checked, within)
    if checked.apart > within:
        raise typer.Exit(1)


def _show(checked: "Checked", within: float) -> None:
    rows = [
        (one.select, one.metric, one.there, one.here, one.apart)
        for one in checked.numbers
        if one.metric.rpartition("/")[2] in HEADLINES
    ]
    show_table(("select", "metric", "passport", "here", "apart"), rows)
    if checked.unlike:
        lines = [(one.part, one.key, str(one.left), str(one.right)) for one in checked.unlike]
        show_table(("what", "key", "passport", "here"), lines, title="Made with")
    if checked.apart == 0:
        say("equal to the last digit")
    else:
        word = "within" if checked.apart <= within else "NOT within"
        say(f"{word} {within:g}: Hits@k and MRR are at most {checked.apart:.6f} apart")
