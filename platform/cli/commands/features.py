"""``kgprism data features``: from raw pictures and texts to feature sets."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json
from kgprism.platform.cli.screen import say, show_json, tell
from kgprism.platform.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kgprism.platform.features.encoding import Step
    from kgprism.platform.features.extraction import Extracted

#: How many unreadable files are named.
_NAMED = 5
#: Signs of a name that are shown.
_WIDE = 200


def features(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A dataset, see `kgprism data list`.", autocompletion=completion.datasets),
    ],
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--images",
            metavar="DIR|ZIP|MANIFEST.tsv",
            help="Pictures, called after an entity's number or label: 12.png, 12_1.png, 12/a.png; or rows of entity, "
            "path. Of two graphs: below kg1/ and kg2/, or the option twice, or kg1=... and kg2=...",
        ),
    ] = None,
    image_encoder: Annotated[
        str | None,
        typer.Option("--image-encoder", metavar="ENC", help="Such as efficientnet-lite0, resnet152, clip, timm:MODEL."),
    ] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option("--texts", metavar="FILE.tsv|names|descriptions", help="Rows of entity, text; or what is there."),
    ] = None,
    text_encoder: Annotated[
        str | None, typer.Option("--text-encoder", metavar="ENC", help="Such as all-minilm-l6-v2, bert.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--as", metavar="MODALITY[:SET]", help="What they become: image:clip. By default the encoder's."),
    ] = None,
    pool: Annotated[
        str, typer.Option("--pool", metavar="WORD", help="Several of an entity: mean, first, or best by its name.")
    ] = "mean",
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="The encoder's: safetensors, torch's own, or a model's folder."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=0, help="Processes that encode, on Ray; 0: this one. The bytes are the same."),
    ] = None,
    dtype: Annotated[str, typer.Option("--dtype", metavar="WORD", help="float16 or float32.")] = "float16",
    json: Json = False,
) -> None:
    """Make feature sets of raw pictures and texts; a second start goes on from where the first one ended."""
    if not images and not texts:
        raise ConfigurationError("say --images DIR, --texts names, or both")
    if images and texts and (to or weights):
        raise ConfigurationError("--as and --weights are for one of --images and --texts: one after the other")
    for option, encoder, source in (
        ("--image-encoder", image_encoder, images),
        ("--text-encoder", text_encoder, texts),
    ):
        if encoder and not source:
            raise ConfigurationError(f"{option} {encoder}: {'--images' if 'image' in option else '--texts'} is missing")
    from kgprism.platform.features.extraction import extract

    if images and texts:
        from kgprism.platform.features.encoders import known

        # What cannot be had is told before the pictures take their time.
        known.encoder("text", text_encoder or known.DEFAULT["text"])
    made = []
    shared = {"to": to, "pool": pool, "weights": weights, "workers": workers, "dtype": dtype}
    if images:
        made.append(_watched(name, "image", extract, images=images, encoder=image_encoder, **shared))
    if texts:
        made.append(_watched(name, "text", extract, texts=texts, encoder=text_encoder, **shared))
    if json:
        show_json([_plain(one) for one in made])
        return
    for one in made:
        _show(one)


def _watched(name: str, kind: str, extract: "Callable[..., Extracted]", **asked: object) -> "Extracted":
    """Extract, with a bar for what is encoded: items a second, and the time left."""
    from kgprism.platform.cli.progress import Board

    began = time.monotonic()
    with Board(f"{name} {kind}", 1) as board:

        def listen(step: "Step") -> None:
            if step.done == step.before:
                board.start(kind, step.kind, step.total, step.done)
                return
            pace = (step.done - step.before) / max(time.monotonic() - began, 1e-9)
            board.step(kind, step.done, f"{pace:,.1f} {step.kind} a second")

        return extract(name, listener=listen, **asked)


def _show(made: "Extracted") -> None:
    from kgprism.platform.cli.feature_sets import digest_word
    from kgprism.platform.data.catalogue.choice import CHOSEN

    header = made.made_by
    state = "made" if made.changed else "there already, nothing changed"
    say(f"{made.name} {made.modality}:{made.set_name}: {state}, width {made.width:,}, {made.dtype}")
    made_of = f"weights {digest_word(header.weights, 16)}; {header.preprocessing}; {header.pool}"
    say(f"{header.encoder} ({header.library}); {made_of}")
    what = "texts" if made.kind == "text" else "pictures"
    for side, counts in made.counts.items():
        several = f"{counts['items']:,} {what}, {counts['distinct']:,} distinct, {counts['unreadable']:,} unreadable"
        say(f"{side}: {counts['with']:,} of {counts['entities']:,} entities have a vector; {several}")
    say(f"{made.encoded:,} encoded now; {', '.join(str(file) for file in made.files)}")
    if made.strangers:
        tell(f"warning: {len(made.strangers):,} belong to no entity, such as {_short(made.strangers[0])}")
    for place, reason in made.unreadable[:_NAMED]:
        tell(f"warning: {_short(place)}: {reason}")
    if len(made.unreadable) > _NAMED:
        tell(f"warning: and {len(made.unreadable) - _NAMED:,} more that cannot be read: --json names them all")
    if made.modality in CHOSEN:
        say(f"next: --set data.{made.modality}={made.set_name}")


def _short(word: str) -> str:
    """Return a name as it may stand on a terminal: on one line, and not all of a long one."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in word)
    return plain if len(plain) <= _WIDE else f"{plain[:_WIDE]}..."


def _plain(made: "Extracted") -> dict[str, object]:
    header = made.made_by
    return {
        **{key: getattr(made, key) for key in ("name", "modality", "set_name", "width", "dtype", "changed", "encoded")},
        **{key: getattr(header, key) for key in ("encoder", "weights", "library", "preprocessing", "pool", "counts")},
        "files": [str(file) for file in made.files],
        "unreadable": [{"file": place, "reason": reason} for place, reason in made.unreadable],
        "strangers": list(made.strangers),
    }
