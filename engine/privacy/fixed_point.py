"""Real numbers as whole ones modulo a power of two, so that sums are exact and cannot overflow."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

FEWEST_LEVELS = 2**12
"""Steps between zero and the largest number below which rounding would spoil training."""

MOST_LEVELS = 2**52
"""Steps that a double still tells apart."""


@dataclass(frozen=True)
class FixedPoint:
    """Numbers from -bound to bound as multiples of bound / levels, modulo 2^bits.

    With at most ``num_terms`` terms the sum of any of them lies within half the modulus on either side of zero, so it
    never wraps around: levels = floor((2^(bits - 1) - 1) / num_terms). Rounding is to the nearest step, ties to even; a
    term is off by at most half a step, a sum by ``num_terms`` halves. Rounding toward zero, a term is off by up to a
    step, and no vector becomes longer than it was. Numbers outside are taken as the nearer bound.

    Attributes:
        bits: the modulus is 2^bits.
        bound: the largest number.
        num_terms: terms of a sum at most.
        toward_zero: whether rounding is toward zero.
    """

    bits: Literal[32, 64]
    bound: float
    num_terms: int
    toward_zero: bool = False

    @property
    def levels(self) -> int:
        """Steps from zero to the bound."""
        return min(MOST_LEVELS, ((1 << (self.bits - 1)) - 1) // self.num_terms)

    @property
    def dtype(self) -> np.dtype:
        """Unsigned integers of that many bits, which wrap around by themselves."""
        return np.dtype(f"u{self.bits // 8}")

    def encode(self, values: np.ndarray) -> np.ndarray:
        """The numbers as unsigned integers, negative ones counted from the modulus down.

        Raises:
            ValueError: an entry is no finite number.
        """
        doubles = np.asarray(values, dtype=np.float64)
        if not np.isfinite(doubles).all():
            raise ValueError("numbers that are not finite have no fixed-point form")
        scaled = np.clip(doubles / self.bound, -1.0, 1.0) * self.levels
        steps = np.trunc(scaled) if self.toward_zero else np.rint(scaled)
        return steps.astype(np.int64).astype(self.dtype)  # two's complement is the number modulo the power of two

    def decode(self, total: np.ndarray) -> np.ndarray:
        """The real numbers, in double precision, of a sum of at most ``num_terms`` encoded ones."""
        signed = total.astype(self.dtype).view(f"i{self.bits // 8}")
        return np.asarray(signed.astype(np.float64) * (self.bound / self.levels))

    def outside(self, values: np.ndarray) -> int:
        """How many of the numbers are beyond the bound."""
        return int((np.abs(values) > self.bound).sum())
