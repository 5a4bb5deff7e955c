"""Between the arrays of states and messages and the tensors of local training; memory is shared where it can be."""

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

Groups = Mapping[str, Mapping[str, np.ndarray]]
"""Named groups of arrays by parameter name."""


def as_tensor(array: np.ndarray, dtype: np.dtype | None = None) -> Tensor:
    """The array as a tensor over the same memory, converted first if it has another type; read only by contract."""
    if dtype is not None and array.dtype != dtype and np.issubdtype(array.dtype, np.floating):
        array = array.astype(dtype)
    with warnings.catch_warnings():
        # mapped data sets are read-only memory, which torch cannot express; nothing here writes to it
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def channels_last(batch: Tensor) -> Tensor:
    """Images (B, C, H, W) in the memory layout of the networks; anything else as it is."""
    return batch.contiguous(memory_format=torch.channels_last) if batch.dim() == 4 else batch


def as_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Named arrays as tensors over the same memory."""
    return {name: as_tensor(array) for name, array in arrays.items()}


def load(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy weights and buffers into a module."""
    with torch.no_grad():
        for name, value in module.state_dict(keep_vars=True).items():
            value.copy_(tensors[name])


def as_groups(groups: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, np.ndarray]]:
    """Named groups of tensors as arrays over the same memory."""
    return {
        group: {name: np.ascontiguousarray(value.detach().numpy()) for name, value in tensors.items()}
        for group, tensors in groups.items()
    }
