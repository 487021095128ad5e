"""Encoders of pictures: torchvision, timm, open_clip and transformers, each without its last layer."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.features.encoders import weights as files
from kgprism.platform.features.encoders.encoder import ImageEncoder
from kgprism.platform.features.encoders.hub import hub, quick
from kgprism.platform.features.preparation import Preparation, scaled


class _Flat(nn.Module):
    """One vector a picture of whatever a network returns."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.net(pixels)
        return found.flatten(1)


def torchvision(name: str, model: str, weights: Path | None) -> ImageEncoder:
    """Return a classifier of torchvision up to its last linear layer: VGG16 4,096, ResNet-152 2,048.

    The weights are ``IMAGENET1K_V1``, those that the papers had.

    Raises:
        ConfigurationError: an unknown model, or no weights.
    """
    package = files.library("torchvision", "vision")
    known = package.models.list_models(module=package.models)
    if model not in known:
        raise ConfigurationError(f"torchvision has no model '{model}'{nearest(model, known)}")
    kind = package.models.get_model_weights(model)
    chosen = getattr(kind, "IMAGENET1K_V1", None) or next(iter(kind))
    net = package.models.get_model(model, weights=None)
    last = [place for place, part in net.named_modules() if isinstance(part, nn.Linear)][-1]
    if weights:
        files.fill(net, weights, name, spare=last)
    else:
        with files.looked_for(name, lambda: f"{torch.hub.get_dir()}/checkpoints", f"at {chosen.url}"):
            net.load_state_dict(chosen.get_state_dict(progress=False, check_hash=True))
    _without(net, last)
    asked = chosen.transforms()
    preparation = Preparation(
        size=asked.crop_size[0],
        shorter=asked.resize_size[0],
        interpolation=asked.interpolation.value,
        mean=scaled(asked.mean),
        std=scaled(asked.std),
    )
    return ImageEncoder(name, files.versions("torchvision"), _Flat(net), preparation)


def timm(name: str, model: str, weights: Path | None) -> ImageEncoder:
    """Return a model of timm without its last layer, prepared as it was trained.

    Raises:
        ConfigurationError: an unknown model, or no weights.
    """
    package = files.library("timm", "vision")
    if not package.is_model(model):
        raise ConfigurationError(f"timm has no model '{model}'{nearest(model, package.list_models())}")
    if weights:
        net = package.create_model(model, pretrained=False, num_classes=0)
        files.fill(net, weights, name, spare=net.pretrained_cfg.get("classifier") or "")
    else:
        with files.looked_for(name, hub), quick():
            net = package.create_model(model, pretrained=True, num_classes=0)
    asked = package.data.resolve_model_data_config(net)
    size = asked["input_size"][1]
    preparation = Preparation(
        size=size,
        shorter=round(size / asked["crop_pct"]),
        interpolation=asked["interpolation"],
        mean=scaled(asked["mean"]),
        std=scaled(asked["std"]),
    )
    return ImageEncoder(name, files.versions("timm"), _Flat(net), preparation)


class _OpenClip(nn.Module):
    def __init__(self, model: nn.Module, tokenizer: Any) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.model.encode_image(pixels)  # type: ignore[operator]
        return found

    def encode_text(self, texts: list[str]) -> Tensor:
        device = next(self.model.parameters()).device
        found: Tensor = self.model.encode_text(self.tokenizer(texts).to(device))  # type: ignore[operator]
        return found


def open_clip(name: str, model: str, weights: Path | None) -> ImageEncoder:
    """Return a model of open_clip by ``ARCHITECTURE/PRETRAINED``, such as ``ViT-B-32/laion2b_s34b_b79k``.

    Raises:
        ConfigurationError: an unknown model, or no weights.
    """
    package = files.library("open_clip", "vision")
    kind, _, tag = model.partition("/")
    if kind not in (known := package.list_models()):
        raise ConfigurationError(f"open_clip has no model '{kind}'{nearest(kind, known)}")
    if not weights and tag not in (tags := package.list_pretrained_tags_by_model(kind)):
        raise ConfigurationError(f"open_clip has no weights '{tag}' of {kind}{nearest(tag, tags)}")
    if weights:
        net = package.create_model(kind, pretrained=None)
        files.fill(net, weights, name)
    else:
        with files.looked_for(name, hub), quick():
            net = package.create_model(kind, pretrained=tag)
    asked = net.visual.preprocess_cfg
    size = asked["size"][0] if isinstance(asked["size"], tuple | list) else asked["size"]
    preparation = Preparation(
        size=size,
        shorter=None if asked["resize_mode"] == "squash" else size,
        interpolation=asked["interpolation"],
        mean=scaled(asked["mean"]),
        std=scaled(asked["std"]),
    )
    module = _OpenClip(net, package.get_tokenizer(kind))
    return ImageEncoder(name, files.versions("open_clip_torch"), module, preparation)


def _without(net: nn.Module, place: str) -> None:
    """Put nothing in the place of a layer."""
    above, _, word = place.rpartition(".")
    setattr(net.get_submodule(above), word, nn.Identity())
