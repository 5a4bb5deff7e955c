"""Images of one data set in the form of another."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.data.pixels import Pixels


def fitted_to(shown: np.ndarray, shape: tuple[int, ...], pixels: Pixels) -> Tensor:
    """Images in another set's shape and standardization, (N, C', H', W') float32, contiguous.

    Colors are averaged where one channel is wanted, and gray is repeated where several are; the size is changed by
    bilinear interpolation with smoothing.

    Args:
        shown: (N, C, H, W) uint8 from 0 to 255.
        shape: (C', H', W').
        pixels: the constants of the other set.
    """
    x = torch.tensor(shown, dtype=torch.float32) / 255.0
    channels, *size = shape
    if x.shape[1] != channels:
        x = x.mean(dim=1, keepdim=True).expand(-1, channels, -1, -1)
    if list(x.shape[2:]) != size:
        x = functional.interpolate(x, size=size, mode="bilinear", antialias=True).clamp(0.0, 1.0)
    mean, std = (torch.tensor(values)[:, None, None] for values in (pixels.mean, pixels.std))
    return ((x - mean) / std).contiguous()
