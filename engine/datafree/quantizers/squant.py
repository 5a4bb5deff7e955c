"""Rounding by which errors cancel within kernels and channels."""

from typing import ClassVar, Literal

import numpy as np

from engine.datafree.quantizer import Quantizer, quantizers


@quantizers.register
class SQuant(Quantizer):
    """Rounding to nearest, after which as few weights as needed go to their other neighbor, so that errors cancel.

    First within each kernel of a convolution, then within each output channel, the sum of the rounding errors is
    brought within half a step of zero; the weights that change are those nearest to the middle. It takes no data, no
    training and a fraction of a second.
    """

    source: ClassVar[str] = (
        "C. Guo et al., SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian Approximation, ICLR 2022, "
        "arXiv 2202.07471, algorithms 1 and 2"
    )
    equation: ClassVar[str] = "min |Σᵢ (qᵢ − wᵢ/s)| per kernel and per channel, with |qᵢ − wᵢ/s| < 1"
    kind: Literal["squant"] = "squant"

    def rounded(self, scaled: np.ndarray, low: int, high: int) -> np.ndarray:
        """Elements to nearest, then flips by kernel, then flips by channel."""
        whole = np.clip(np.rint(scaled), low, high).reshape(len(scaled), scaled.shape[1], -1)
        exact = scaled.reshape(whole.shape)
        by_kernel = exact.shape[2] > 1
        if by_kernel:
            whole = _balanced_kernels(whole, exact, low, high)
        return _balanced_channels(whole, exact, low, high).reshape(scaled.shape)


def _balanced_kernels(whole: np.ndarray, exact: np.ndarray, low: int, high: int) -> np.ndarray:
    """Errors brought within half a step of zero in each kernel, (outputs, inputs, elements)."""
    error = whole - exact
    total = error.sum(axis=-1, keepdims=True)
    towards = np.sign(total)
    chosen = _largest(_movable(whole, error, towards, (low, high)), np.rint(np.abs(total)))
    balanced: np.ndarray = whole - towards * chosen
    return balanced


def _balanced_channels(whole: np.ndarray, exact: np.ndarray, low: int, high: int) -> np.ndarray:
    """The same in each output channel; no kernel gives more than one element for it, the one that costs least."""
    error = whole - exact
    by_kernel = error.sum(axis=-1)
    total = by_kernel.sum(axis=-1, keepdims=True)
    towards = np.sign(total)
    gain = _movable(whole, error, towards[..., np.newaxis], (low, high))
    element = gain.argmax(axis=-1)
    is_possible = (gain.max(axis=-1) > 0) & (by_kernel * towards > 0)
    chosen = _largest(np.where(is_possible, by_kernel * towards, 0), np.rint(np.abs(total)))
    moved = np.zeros_like(whole)
    np.put_along_axis(moved, element[..., np.newaxis], (chosen * towards)[..., np.newaxis], axis=-1)
    result: np.ndarray = whole - moved
    return result


def _movable(whole: np.ndarray, error: np.ndarray, towards: np.ndarray, ends: tuple[int, int]) -> np.ndarray:
    """How far each element was rounded towards the sum's side; 0 where it was not, or may not go back."""
    after = whole - towards
    gain: np.ndarray = np.where((after >= ends[0]) & (after <= ends[1]), np.maximum(error * towards, 0), 0)
    return gain


def _largest(gain: np.ndarray, count: np.ndarray) -> np.ndarray:
    """1 for the ``count`` largest elements along the last axis that are above 0, else 0."""
    order = np.argsort(-gain, axis=-1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(gain.shape[-1]), gain.shape), axis=-1)
    found: np.ndarray = ((rank < count) & (gain > 0)).astype(gain.dtype)
    return found
