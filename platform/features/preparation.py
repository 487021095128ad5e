"""What an encoder wants of a picture: size, cut, interpolation and scale; done by Pillow, the same on every machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

#: The three channels' numbers of ImageNet, of pixels from 0 to 255.
IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
_FILTERS: dict[str, Image.Resampling] = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}

Triple = tuple[float, float, float]
Interpolation = Literal["bicubic", "bilinear", "lanczos", "nearest"]


def scaled(three: Iterable[float]) -> Triple:
    """Return numbers of pixels from 0 to 1 as those of 0 to 255."""
    red, green, blue = (float(one) * 255 for one in three)
    return red, green, blue


@dataclass(frozen=True)
class Preparation:
    """A picture becomes `size` x `size` pixels, which the encoder sees as ``(x - mean) / std``, x from 0 to 255.

    `shorter` is what the shorter side is resized to before the centre is cut out; none: the whole picture is stretched.
    """

    size: int = 224
    shorter: int | None = None
    interpolation: Interpolation = "bicubic"
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD

    def pixels(self, picture: Image.Image) -> np.ndarray:
        """Return an RGB picture as uint8 ``(size, size, 3)``; only what is cut out is resized, however long it is."""
        box = (0.0, 0.0, float(picture.width), float(picture.height))
        if self.shorter is not None:
            side = min(picture.size) * min(1.0, self.size / self.shorter)
            left, top = (picture.width - side) / 2, (picture.height - side) / 2
            box = (left, top, left + side, top + side)
        resized = picture.resize((self.size, self.size), _FILTERS[self.interpolation], box=box)
        return np.asarray(resized, np.uint8)

    def __str__(self) -> str:
        whole = f"{self.size} x {self.size}"
        cut = f"to {whole}" if self.shorter is None else f"to {self.shorter} at the shorter side, centre {whole}"
        mean, std = (" ".join(f"{one:g}" for one in sorted(set(three))) for three in (self.mean, self.std))
        if len(set(self.mean)) > 1 or len(set(self.std)) > 1:
            mean, std = (f"[{', '.join(f'{one:g}' for one in three)}]" for three in (self.mean, self.std))
        return f"on white, {self.interpolation} {cut}, (x - {mean}) / {std}"
