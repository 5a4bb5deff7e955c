"""Windows that slide over height and width, of convolutions and pools."""

from collections.abc import Sequence

from engine.models.layer import ShapeError, text_of

Pair = int | tuple[int, int]
"""One number for height and width, or one each."""


def pair(value: Pair) -> tuple[int, int]:
    """Height and width of a :data:`Pair`."""
    return (value, value) if isinstance(value, int) else value


def window_output(size: Sequence[int], kernel: Pair, stride: Pair, padding: Pair) -> tuple[int, int]:
    """Height and width of what a sliding window yields; a window that does not fit whole is dropped.

    Raises:
        ShapeError: the window is larger than the padded input.
    """
    padded = [length + 2 * pad for length, pad in zip(size, pair(padding), strict=True)]
    if any(length < window for length, window in zip(padded, pair(kernel), strict=True)):
        window = text_of(pair(kernel))
        raise ShapeError(f"has a window of {window}, larger than its (padded) input of {text_of(padded)}")
    height, width = (
        (length - window) // step + 1 for length, window, step in zip(padded, pair(kernel), pair(stride), strict=True)
    )
    return height, width
