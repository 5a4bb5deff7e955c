"""Image files as arrays of pixels, and back; Pillow is loaded on first use."""

import io
import struct
from typing import TYPE_CHECKING

import numpy as np

from engine.data.malformed import MalformedFile

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP")
"""What is read; other decoders of Pillow are never reached."""

GRAY_MODES = {"1", "L", "LA"}
COLOR_MODES = {"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
"""Pillow's names of what is read; 16-bit and floating-point images are refused, since scaling them is a choice."""


def decode(content: bytes, *, most_side: int = 4096) -> np.ndarray:
    """The pixels of an image file, uint8, (C, H, W) with one channel if it is gray, else three.

    It is turned as its camera tag says; transparency is dropped.

    Args:
        content: the file.
        most_side: pixels along an edge; larger ones are refused before anything is decoded.

    Raises:
        MalformedFile: it is no image of a known format, is damaged or too large.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check(image, most_side)
            turned = ImageOps.exif_transpose(image)
            pixels = np.asarray(turned.convert("L" if image.mode in GRAY_MODES else "RGB"), dtype=np.uint8)
    except UnidentifiedImageError as error:
        raise MalformedFile(f"this is no image of the formats {', '.join(FORMATS)}") from error
    # Pillow's decoders report damage in all of these ways; a SyntaxError is a broken PNG chunk
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise MalformedFile(f"the image is damaged: {error}") from error
    return pixels[np.newaxis] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _check(image: "Image", most_side: int) -> None:
    width, height = image.size
    if max(width, height) > most_side or min(width, height) < 1:
        raise MalformedFile(f"the image has {width}x{height} pixels, allowed are {most_side} along an edge")
    if image.mode not in GRAY_MODES | COLOR_MODES:
        raise MalformedFile(f"the image has pixels of the kind {image.mode}, allowed are 8-bit gray and color")


def fitted(pixels: np.ndarray, size: int) -> np.ndarray:
    """An image (C, H, W) scaled so that its shorter edge has ``size`` pixels, and the square in its middle."""
    from PIL import Image

    channels, height, width = pixels.shape
    if (height, width) == (size, size):
        return pixels
    scale = size / min(height, width)
    across, down = max(size, round(width * scale)), max(size, round(height * scale))
    left, top = (across - size) // 2, (down - size) // 2
    planes = [
        Image.fromarray(plane)
        .resize((across, down), Image.Resampling.BILINEAR)
        .crop((left, top, left + size, top + size))
        for plane in pixels
    ]
    return np.stack([np.asarray(plane) for plane in planes]).reshape(channels, size, size)


def png(pixels: np.ndarray) -> bytes:
    """An image (C, H, W) of uint8, one or three channels, as a PNG file."""
    from PIL import Image

    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=False)
    return file.getvalue()
