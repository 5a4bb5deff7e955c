"""Sheets of small pictures for the gallery of a run, small enough to travel in an event."""

import base64
from typing import Any

import numpy as np

MOST_BYTES = 48 << 10
"""Bytes of the text of a sheet."""

SIDES = (10, 8, 6, 5, 4, 3, 2, 1)
"""Pictures along an edge, from the most that are tried."""

LEAST_PIXELS = 16
"""Smaller pictures are enlarged by a whole factor, so that they can be seen."""


def sprite_of(images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """A sheet of pictures in the order of their classes.

    Args:
        images: (N, C, H, W) uint8, one or three channels.
        labels: (N,) what each was made to show.

    Returns:
        ``png`` (base64), ``columns``, ``tile`` (pixels of an edge) and ``labels`` (one per tile, row by row).
    """
    for side in SIDES:
        chosen = _spread(labels, side * side)
        if len(chosen) <= side * (side - 1) and side != SIDES[-1]:
            continue  # fewer pictures than rows: a smaller sheet shows the same
        content, tile = _sheet(images[chosen], side)
        text = base64.b64encode(content).decode()
        if len(text) <= MOST_BYTES:
            return {"png": text, "columns": side, "tile": tile, "labels": [int(label) for label in labels[chosen]]}
    return sprite_of(images[:, :, ::2, ::2], labels)  # one picture is too large: every second pixel of it


def sheet_of(images: np.ndarray, labels: np.ndarray, side: int) -> bytes:
    """A sheet of at most so many pictures along an edge, in the order of their classes, as a PNG file."""
    chosen = _spread(labels, side * side)
    return _sheet(images[chosen], min(side, len(chosen)))[0]


def _spread(labels: np.ndarray, count: int) -> np.ndarray:
    """Places of so many pictures, every class as often as can be, sorted by class."""
    rank = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        rank[places] = np.arange(len(places))
    chosen = np.lexsort((labels, rank))[:count]
    return chosen[np.argsort(labels[chosen], kind="stable")]


def _sheet(images: np.ndarray, side: int) -> tuple[bytes, int]:
    """A sheet as a PNG file, and the edge of a tile."""
    from engine.data.images import png

    count, channels, height, width = images.shape
    factor = max(1, -(-LEAST_PIXELS // max(height, width)))
    images = images.repeat(factor, axis=2).repeat(factor, axis=3)
    if channels not in (1, 3):
        images = images[:, :1]
    rows = -(-count // side)
    sheet = np.zeros((rows * side, *images.shape[1:]), dtype=np.uint8)
    sheet[:count] = images
    tiles = sheet.reshape(rows, side, *images.shape[1:]).transpose(2, 0, 3, 1, 4)
    whole = tiles.reshape(tiles.shape[0], rows * height * factor, side * width * factor)
    return png(whole), max(height, width) * factor
