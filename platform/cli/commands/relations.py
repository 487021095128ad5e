"""``kgprism relations``: one finished completion run, relation by relation."""

from dataclasses import asdict
from typing import Annotated

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json, Select, known_selection
from kgprism.platform.cli.progress import number
from kgprism.platform.cli.screen import show_json, show_table


def relations(
    run: Annotated[
        str,
        typer.Argument(
            help="A run's identity, as `kgprism train` prints it, or how it begins.", autocompletion=completion.runs
        ),
    ],
    select: Select = "valid",
    json: Json = False,
) -> None:
    """Show how well each relation's heads and tails are found in a finished completion run."""
    chosen = known_selection(select)
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.reports.breakdown import by_relation
    from kgprism.platform.studies.store.runs import Store

    record = Store().find(run)
    lines = by_relation(record, datasets.load(record.dataset), chosen)
    if json:
        show_json([asdict(line) for line in lines])
        return
    names = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mr")
    head = ["relation", "test triples", "mean MRR", "head MRR", "tail MRR", "H@1", "H@3", "H@10", "mean rank"]
    rows = []
    for line in lines:
        mrr = [number(line.metrics[f"{way}/mrr"]) for way in ("mean", "head", "tail")]
        hits = [number(line.metrics[f"mean/{name}"]) for name in names[1:4]]
        rows.append([line.relation, line.triples, *mrr, *hits, f"{line.metrics['mean/mr']:.1f}"])
    show_table(head, rows, title=f"{record.method} on {record.dataset}, seed {record.seed}, select={select}")
