"""Files of pictures as RGB on white, whatever they claim to be: decoded within bounds, or refused with a reason."""

import warnings
from contextlib import suppress
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.Image import open as opened_picture

#: What is decoded; formats that start other programs (EPS) or are no pictures of things are not.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "ICO", "JPEG2000", "AVIF", "TGA", "QOI")
#: Pixels, looked up before anything is decoded: of a slow decoder fewer, of JPEG more, as it is decoded at a part.
_MOST = {"JPEG": 2**26, "MPO": 2**26, "JPEG2000": 2**22, "AVIF": 2**23}
MOST_PIXELS = 2**25
#: Bytes of a file.
MOST_BYTES = 2**27
#: EXIF's word for how a camera was held, and how its picture is set upright.
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableError(Exception):
    """A picture that cannot be had; says why in a few words."""


def decode(data: bytes) -> Image.Image:
    """Return a picture's first frame, upright, as RGB on white.

    Raises:
        UnreadableError: if it is none, is cut short, or is larger than what is decoded.
    """
    if not data:
        raise UnreadableError("an empty file")
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"{len(data):,} bytes, more than {MOST_BYTES:,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with opened_picture(BytesIO(data), formats=_formats()) as opened:
                return _upright(opened, _decoded(opened))
    except UnreadableError:
        raise
    except Image.DecompressionBombError:
        raise UnreadableError("more pixels than are decoded") from None
    except UnidentifiedImageError:
        raise UnreadableError(_unknown(data)) from None
    except Exception as error:  # decoders of broken files raise whatever they stumble over
        raise UnreadableError(" ".join(str(error).split())[:100] or type(error).__name__) from None


@cache
def _formats() -> list[str]:
    """Return what this build of Pillow has of `FORMATS`."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _decoded(picture: Image.Image) -> Image.Image:
    """Return what is in a file, as RGB, after its size was looked at."""
    width, height = picture.size
    if width * height > _MOST.get(picture.format or "", MOST_PIXELS):
        raise UnreadableError(f"{width:,} x {height:,} pixels, more than are decoded")
    if width * height > MOST_PIXELS:
        picture.draft("RGB", (width // 2, height // 2))
    picture.load()
    if picture.mode.startswith(("I", "F")):
        return _narrowed(picture)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        white = Image.new("RGB", clear.size, "white")
        white.paste(clear, mask=clear.getchannel("A"))
        return white
    return picture.convert("RGB")


def _narrowed(picture: Image.Image) -> Image.Image:
    """Return the 8 upper bits of 16: Pillow itself would cut off all that is brighter than 255."""
    values = np.asarray(picture)
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=0.0, posinf=255.0, neginf=0.0)
        values = values * 255.0 if values.size and values.max() <= 1.0 else values
    elif picture.mode.startswith("I;16") or (values.size and values.max() > 255):
        values = np.clip(values, 0, 65_535) >> 8
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB")


def _upright(opened: Image.Image, picture: Image.Image) -> Image.Image:
    """Turn a picture as its camera said; a damaged note says nothing."""
    orientation = None
    with suppress(Exception):
        orientation = opened.getexif().get(_ORIENTATION)
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _unknown(data: bytes) -> str:
    head = data[:1024].lstrip().lower()
    if b"<svg" in head:
        return "SVG, which is drawn and not decoded: convert it to PNG"
    return "no picture of a known format"
