"""Odd and hostile files: each decoded as it looks, or refused with a reason, in bounded time and memory."""

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kgprism.platform.features.pictures import UnreadableError, decode

RED, WHITE, GREY = (255, 0, 0), (255, 255, 255), (128, 128, 128)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def plain(mode: str = "RGB", colour: object = RED, size: tuple[int, int] = (16, 16)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int, data: bytes = b"") -> bytes:
    """Return a PNG that claims a size; its pixels are zeros, or missing."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """Return so many zero bytes, packed."""
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(count // 2**20 + 1)) + packer.flush()


def palette() -> bytes:
    picture = plain("P", 1)
    picture.putpalette([0, 255, 0, *RED])
    return saved(picture, "PNG", transparency=0)


def sixteen(value: int) -> bytes:
    return saved(Image.fromarray(np.full((16, 16), value, np.uint16)), "PNG")


def rotated() -> bytes:
    picture = plain("RGB", WHITE, (16, 8))
    picture.paste(RED, (0, 0, 8, 8))  # red on the left; on its side, red is above
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(picture, "JPEG", quality=95, exif=exif)


def animated(kind: str) -> bytes:
    return saved(plain(), kind, save_all=True, append_images=[plain(colour=(0, 0, 255))], duration=10, lossless=True)


@cache
def made(name: str) -> bytes:
    """Return a case's file; the large ones take a while to make."""
    return CASES[name][0]()


NEAR = 6
#: What a file shows, or what is said of it.
CASES: dict[str, tuple[Callable[[], bytes], object]] = {
    "rgb.png": (lambda: saved(plain(), "PNG"), RED),
    "clear.png": (lambda: saved(plain("RGBA", (255, 0, 0, 0)), "PNG"), WHITE),
    "half.png": (lambda: saved(plain("RGBA", (0, 0, 0, 127)), "PNG"), GREY),
    "grey-alpha.png": (lambda: saved(plain("LA", (0, 0)), "PNG"), WHITE),
    "grey.png": (lambda: saved(plain("L", 128), "PNG"), GREY),
    "bits.png": (lambda: saved(plain("1", 1), "PNG"), WHITE),
    "palette.png": (palette, RED),
    "key.png": (lambda: saved(plain(), "PNG", transparency=RED), WHITE),
    "sixteen.png": (lambda: sixteen(32_896), GREY),
    "sixteen-dark.png": (lambda: sixteen(300), (1, 1, 1)),
    "cmyk.jpg": (lambda: saved(plain("CMYK", (0, 255, 255, 0)), "JPEG", quality=95), RED),
    "progressive.jpg": (lambda: saved(plain(), "JPEG", quality=95, progressive=True), RED),
    "rotated.jpg": (rotated, "above"),
    "bad-exif.jpg": (lambda: saved(plain(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), RED),
    "animated.gif": (lambda: animated("GIF"), RED),
    "animated.webp": (lambda: animated("WEBP"), RED),
    "animated.png": (lambda: animated("PNG"), RED),
    "float.tif": (lambda: saved(Image.fromarray(np.full((9, 9), 0.5, np.float32)), "TIFF"), GREY),
    "wrong.jpg": (lambda: saved(plain(), "BMP"), RED),
    "one-pixel.gif": (lambda: saved(plain(size=(1, 1)), "GIF"), RED),
    "thin.png": (lambda: saved(plain(size=(20_000, 1)), "PNG"), RED),
    "large.jpg": (lambda: saved(plain(size=(8_000, 6_000)), "JPEG", quality=60), RED),
    "large.png": (lambda: saved(plain("RGBA", (255, 0, 0, 255), (5_700, 5_800)), "PNG", compress_level=1), RED),
    "large-sixteen.png": (lambda: bomb(5_000, 5_000, zeros(5_000 * 15_001)), (0, 0, 0)),
    "cut.png": (lambda: saved(Image.effect_noise((99, 99), 90), "PNG")[:2_000], "truncated|broken|incomplete"),
    "cut.jpg": (lambda: saved(Image.effect_noise((99, 99), 90), "JPEG")[:2_000], "truncated"),
    "head.png": (lambda: saved(plain(), "PNG")[:12], "no picture|truncated|Truncated|broken"),
    "empty.png": (lambda: b"", "an empty file"),
    "text.png": (lambda: b"not a picture at all\n" * 9, "no picture of a known format"),
    "drawn.svg": (lambda: b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "script.eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "no picture"),
    "bomb.png": (lambda: bomb(60_000, 60_000), "more pixels"),
    "smaller-bomb.png": (lambda: bomb(7_000, 7_000, zeros(7_000 * 21_001)), "7,000 x 7,000 pixels"),
    "no-data.png": (lambda: bomb(100, 100), "truncated|broken|incomplete|decoder"),
    "random.jpg": (lambda: b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40, "."),
}

SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from kgprism.platform.features.pictures import UnreadableError, decode
from kgprism.platform.features.preparation import Preparation
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
Preparation().pixels(decode(Path(sys.argv[1]).read_bytes()))
before, found = peak(), {}
for name in sys.argv[1:]:
    began = time.process_time()
    try:
        Preparation(size=224, shorter=256).pixels(decode(Path(name).read_bytes()))
    except UnreadableError:
        pass
    found[Path(name).name] = (time.process_time() - began, peak() - before)
print(json.dumps(found))
"""


@pytest.mark.parametrize("name", CASES)
def test_an_odd_file_is_decoded_or_refused_with_a_reason(name: str) -> None:
    _, expected = CASES[name]
    if isinstance(expected, str) and expected != "above":
        with pytest.raises(UnreadableError, match=expected):
            decode(made(name))
        return
    picture = decode(made(name))
    assert picture.mode == "RGB"
    pixels = np.asarray(picture).astype(int)
    if expected == "above":
        assert pixels.shape == (16, 8, 3)
        assert np.abs(pixels[2, 4] - RED).max() < NEAR
        assert np.abs(pixels[13, 4] - WHITE).max() < NEAR
    else:
        assert np.abs(pixels[0, 0] - expected).max() < NEAR


def test_none_takes_two_seconds_or_500_mb(tmp_path: Path) -> None:
    files = []
    for name in CASES:
        (tmp_path / name).write_bytes(made(name))
        files.append(str(tmp_path / name))
    done = subprocess.run([sys.executable, "-c", SCRIPT, *files], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert set(found) == set(CASES)
    assert {name: seconds for name, (seconds, _) in found.items() if seconds >= 2} == {}
    assert {name: size for name, (_, size) in found.items() if size >= 500e6} == {}
