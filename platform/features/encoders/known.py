"""Encoders by name: short words, ``LIBRARY:MODEL``, and what installed packages bring."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from torch import nn

from kgprism.platform.errors import ConfigurationError, first_line, nearest
from kgprism.platform.features.encoders import packaged, sentences, transformer, vision
from kgprism.platform.features.encoders import weights as files
from kgprism.platform.features.encoders.encoder import Encoder, ImageEncoder, TextEncoder
from kgprism.platform.features.preparation import IMAGENET_MEAN, IMAGENET_STD, Preparation

GROUP = "kgprism.encoders"
Kind = Literal["image", "text"]
_Make = Callable[[str, str, Path | None], Encoder]

_LIBRARIES: dict[Kind, dict[str, _Make]] = {
    "image": {
        "torchvision": vision.torchvision,
        "timm": vision.timm,
        "open_clip": vision.open_clip,
        "transformers": transformer.transformers,
    },
    "text": {"sentence-transformers": sentences.sentences, "transformers": sentences.language},
}
#: Short words for what papers of the field used, and for what does better.
_SHORT: dict[Kind, dict[str, str]] = {
    "image": {
        **{word: f"torchvision:{word}" for word in ("vgg16", "vgg19", "resnet50", "resnet101", "resnet152")},
        **{word: f"torchvision:{word}" for word in ("densenet121", "efficientnet_b0", "vit_b_16")},
        "vit": "timm:vit_base_patch16_224",
        "beit": "transformers:microsoft/beit-base-patch16-224",
        "clip": "transformers:openai/clip-vit-base-patch32",
        "dinov2": "transformers:facebook/dinov2-base",
        "open_clip": "open_clip:ViT-B-32/laion2b_s34b_b79k",
        "siglip": "transformers:google/siglip-base-patch16-224",
    },
    "text": {
        "all-mpnet-base-v2": "sentence-transformers:all-mpnet-base-v2",
        "bert": "transformers:bert-base-uncased",
        "labse": "sentence-transformers:LaBSE",
        "multilingual-e5": "sentence-transformers:intfloat/multilingual-e5-base",
    },
}
_PACKAGED: dict[Kind, dict[str, Callable[[str, Path | None], Encoder]]] = {
    "image": {"efficientnet-lite0": packaged.lite0, "pixels": packaged.pixels},
    "text": {"all-minilm-l6-v2": packaged.minilm},
}
DEFAULT: dict[Kind, str] = {"image": "efficientnet-lite0", "text": "all-minilm-l6-v2"}


def names(kind: Kind) -> list[str]:
    """Return the short words for encoders of a kind, installed ones included; these may be of the other kind."""
    return sorted({*_PACKAGED[kind], *_SHORT[kind], *(point.name for point in entry_points(group=GROUP))})


def encoder(kind: Kind, word: str, weights: Path | None = None) -> Encoder:
    """Return an encoder by its short word or ``LIBRARY:MODEL``, with weights of its library or of a file.

    Raises:
        ConfigurationError: an unknown word, naming the nearest; a library that is not here; no weights.
    """
    if weights is not None and not weights.exists():
        raise ConfigurationError(f"--weights {weights}: no such file")
    for point in entry_points(group=GROUP, name=word):
        return _installed(kind, point, weights)
    if word in _PACKAGED[kind]:
        return _PACKAGED[kind][word](word, weights)
    library, colon, model = _SHORT[kind].get(word, word).partition(":")
    if library in _LIBRARIES[kind] and model:
        return _LIBRARIES[kind][library](word, model, weights)
    if colon:
        told = f"--{kind}-encoder: unknown library '{library}'{nearest(library, _LIBRARIES[kind])}"
    else:
        told = f"--{kind}-encoder: unknown encoder '{word}'{nearest(word, names(kind))}"
    raise ConfigurationError(f"{told}; or {', '.join(f'{one}:MODEL' for one in _LIBRARIES[kind])}")


def _installed(kind: Kind, point: EntryPoint, weights: Path | None) -> Encoder:
    """Return the module that a package brings.

    A module of pictures takes (n, 3, size, size) float32; it may say how in ``preparation``. One whose ``modality`` is
    ``"text"`` takes a list of texts. Both return (n, width).
    """
    try:
        made: Any = point.load()
        module = made if isinstance(made, nn.Module) else made()
    except files.FAULTS as error:
        raise ConfigurationError(f"encoder {point.name} ({point.value}) cannot be made: {first_line(error)}") from None
    if not isinstance(module, nn.Module):
        raise ConfigurationError(f"encoder {point.name} ({point.value}): no torch module, but {type(module).__name__}")
    own = getattr(module, "modality", "image")
    if own != kind:
        raise ConfigurationError(f"encoder {point.name} takes {own}s: --{own}-encoder {point.name}")
    if weights:
        files.fill(module, weights, point.name)
    library = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    if kind == "text":
        return TextEncoder(point.name, library, module)
    preparation = getattr(module, "preparation", Preparation(mean=IMAGENET_MEAN, std=IMAGENET_STD))
    return ImageEncoder(point.name, library, module, preparation)
