"""Memory that rounds use again: the system gives fresh pages one by one, which costs more than what is done on them."""

import math

import torch
from torch import Tensor


class Workspace:
    """One buffer per use, kept by the process between rounds.

    A buffer is overwritten when its name is asked for again, so nothing that lives longer may share its memory.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, torch.dtype], Tensor] = {}

    def empty(self, name: str, *shape: int, dtype: torch.dtype) -> Tensor:
        """A tensor of that shape with any content.

        Args:
            name: what it is for.
            shape: its shape.
            dtype: its type.
        """
        count = math.prod(shape)
        kept = self._kept.get((name, dtype))
        if kept is None or len(kept) < count:
            kept = self._kept[name, dtype] = torch.empty(count, dtype=dtype)
        return kept[:count].view(shape)
