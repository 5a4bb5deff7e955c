"""The constants by which the pixels of a set of images are standardized, and the way back."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pixels:
    """Mean and standard deviation of each channel, of pixels scaled to 0..1.

    Attributes:
        mean: one number per channel.
        std: one number per channel, above 0.
        largest: the raw value that is scaled to 1.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    largest: int = 255

    def standardized(self, pixels: np.ndarray) -> np.ndarray:
        """Raw pixels (N, C, H, W) as float32 of about mean 0 and standard deviation 1."""
        x = pixels.astype(np.float32)
        x /= np.float32(self.largest)
        x -= _per_channel(self.mean)
        x /= _per_channel(self.std)
        return x

    def shown(self, x: np.ndarray) -> np.ndarray:
        """Standardized pixels (..., C, H, W) as uint8 from 0 to 255, to look at."""
        scaled = x * _per_channel(self.std) + _per_channel(self.mean)
        shown: np.ndarray = np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
        return shown


def _per_channel(values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, np.newaxis, np.newaxis]
