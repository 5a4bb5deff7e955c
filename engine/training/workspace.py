"""Memory that rounds use again: the system gives fresh pages one by one, which costs more than what is done on them."""

import math
import threading

import torch
from torch import Tensor


class Workspace:
    """One buffer per use and thread, kept by the process between rounds.

    A buffer is overwritten when its name is asked for again by the same thread, so nothing that lives longer may share
    its memory.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, torch.dtype, int], Tensor] = {}

    def empty(self, name: str, *shape: int, dtype: torch.dtype) -> Tensor:
        """A tensor of that shape with any content.

        Args:
            name: what it is for.
            shape: its shape.
            dtype: its type.
        """
        count, key = math.prod(shape), (name, dtype, threading.get_ident())
        kept = self._kept.get(key)
        if kept is None or len(kept) < count:
            kept = self._kept[key] = torch.empty(count, dtype=dtype)
        return kept[:count].view(shape)
