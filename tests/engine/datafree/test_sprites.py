"""Sheets of pictures in events: in the order of classes, and never larger than an event may be."""

import base64
import io

import numpy as np
from PIL import Image

from engine.core.streams import stream
from engine.datafree.images.sprites import MOST_BYTES, sprite_of


def noise(count: int, channels: int, side: int) -> np.ndarray:
    """Pictures that no format makes smaller."""
    return stream(0, "noise").integers(0, 256, (count, channels, side, side), dtype=np.uint8)


def test_pictures_stand_row_by_row_in_the_order_of_their_classes() -> None:
    images, labels = noise(4, 1, 16), np.array([2, 0, 1, 0])
    sheet = sprite_of(images, labels)
    assert (sheet["labels"], sheet["columns"], sheet["tile"]) == ([0, 0, 1, 2], 2, 16)
    with Image.open(io.BytesIO(base64.b64decode(sheet["png"]))) as picture:
        whole = np.asarray(picture)
    assert np.array_equal(whole, np.block([[images[1, 0], images[3, 0]], [images[2, 0], images[0, 0]]]))


def test_small_pictures_are_enlarged() -> None:
    assert sprite_of(noise(1, 3, 5), np.array([0]))["tile"] == 20


def test_one_picture_that_is_too_large_loses_pixels() -> None:
    sheet = sprite_of(noise(3, 3, 256), np.arange(3))
    assert len(sheet["png"]) <= MOST_BYTES
    assert (sheet["labels"], sheet["tile"]) == ([0], 64)  # 3 x 128 x 128 bytes would still be too many
