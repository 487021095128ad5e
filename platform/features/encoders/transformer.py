"""Vision models of transformers: CLIP, SigLIP, BEiT, DINOv2, ViT, ResNet."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kgprism.platform.features.encoders import weights as files
from kgprism.platform.features.encoders.encoder import ImageEncoder
from kgprism.platform.features.encoders.hub import hub, quick
from kgprism.platform.features.encoders.sentences import check_folder
from kgprism.platform.features.preparation import IMAGENET_MEAN, IMAGENET_STD, Interpolation, Preparation, scaled

#: Pillow's numbers of interpolations, as transformers writes them.
_INTERPOLATIONS: tuple[Interpolation, ...] = ("nearest", "lanczos", "bilinear", "bicubic")


class _Transformer(nn.Module):
    """The pooled vector of a picture, else that of the first position."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        found = self.model(pixel_values=pixels)
        pooled: Tensor | None = getattr(found, "pooler_output", None)
        first: Tensor = found.last_hidden_state[:, 0]
        return (first if pooled is None else pooled).flatten(1)


class _TwoTowers(nn.Module):
    """Pictures and texts in one space, as CLIP and SigLIP project them."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer

    def forward(self, pixels: Tensor) -> Tensor:
        return _tensor(self.model.get_image_features(pixel_values=pixels))

    def encode_text(self, texts: list[str]) -> Tensor:
        length = self.model.config.text_config.max_position_embeddings
        options = {"padding": "max_length", "max_length": length, "truncation": True, "return_tensors": "pt"}
        given = self.tokenizer(texts, **options).to(next(self.model.parameters()).device)
        return _tensor(self.model.get_text_features(**given))


def _tensor(found: Any) -> Tensor:
    """Return the vectors of what a version of transformers returns."""
    tensor: Tensor = found if isinstance(found, Tensor) else found.pooler_output
    return tensor


def transformers(name: str, model: str, folder: Path | None) -> ImageEncoder:
    """Return a vision model of transformers: CLIP, SigLIP, BEiT, DINOv2 and so on.

    Raises:
        ConfigurationError: if the library is not here, or there are no weights.
    """
    package = files.library("transformers", "images")
    check_folder(folder)
    place = str(folder or model)
    with files.looked_for(name, *((str(folder),) if folder else (hub,))), quick():
        net = package.AutoModel.from_pretrained(place, dtype=torch.float32)
        mixin = files.library("transformers.image_processing_base", "images").ImageProcessingMixin
        asked, _ = mixin.get_image_processor_dict(place)
        two = hasattr(net, "get_image_features")
        module = _TwoTowers(net, package.AutoTokenizer.from_pretrained(place)) if two else _Transformer(net)
    return ImageEncoder(name, files.versions("transformers"), module, _asked(asked))


def _asked(asked: dict[str, Any]) -> Preparation:
    size, crop = (_sides(asked.get(key)) for key in ("size", "crop_size"))
    whole = (crop if asked.get("do_center_crop") and crop else size) or (224, True)
    return Preparation(
        size=whole[0],
        shorter=None if size is None or (size[1] and not asked.get("do_center_crop")) else size[0],
        interpolation=_INTERPOLATIONS[asked.get("resample", 3)],
        mean=scaled(asked["image_mean"]) if asked.get("image_mean") else IMAGENET_MEAN,
        std=scaled(asked["image_std"]) if asked.get("image_std") else IMAGENET_STD,
    )


def _sides(asked: Any) -> tuple[int, bool] | None:
    """Return a side of what is asked for, and whether it is the side of a square."""
    if isinstance(asked, dict):
        return (asked["height"], True) if "height" in asked else (asked["shortest_edge"], False)
    return None if asked is None else (int(asked), True)
