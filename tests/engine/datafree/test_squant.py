"""Balanced rounding against every other rounding of tiny kernels."""

from itertools import product

import numpy as np
import pytest

from engine.core.streams import stream
from engine.datafree.quantizer import quantizers

SQUANT = quantizers["squant"]()


def roundings(exact: np.ndarray) -> list[np.ndarray]:
    """Each number down or up, in every combination."""
    return [np.floor(exact) + np.array(ups).reshape(exact.shape) for ups in product((0, 1), repeat=exact.size)]


@pytest.mark.parametrize("seed", range(20))
def test_one_kernel_gets_the_closest_rounding_whose_errors_cancel(seed: int) -> None:
    exact = stream(seed, "kernel").uniform(-6, 6, (1, 1, 2, 4))
    found = SQUANT.rounded(exact, -7, 7)
    balanced = [one for one in roundings(exact) if abs((one - exact).sum()) <= 0.5]
    best = min(balanced, key=lambda one: float(((one - exact) ** 2).sum()))
    assert np.array_equal(found, best)


@pytest.mark.parametrize("seed", range(20))
def test_a_fully_connected_output_gets_the_closest_rounding_whose_errors_cancel(seed: int) -> None:
    exact = stream(seed, "row").uniform(-6, 6, (1, 8))
    found = SQUANT.rounded(exact, -7, 7)
    balanced = [one for one in roundings(exact) if abs((one - exact).sum()) <= 0.5]
    assert np.array_equal(found, min(balanced, key=lambda one: float(((one - exact) ** 2).sum())))


def test_by_hand() -> None:
    """Errors of rounding to nearest are -0.4, -0.3, -0.2, -0.35: their sum -1.25 asks for one flip, of the -0.4."""
    exact = np.array([[[1.4, 2.3, 3.2, 0.35]]])
    found = SQUANT.rounded(exact, -7, 7)
    assert found.tolist() == [[[2.0, 2.0, 3.0, 0.0]]]


@pytest.mark.parametrize("seed", range(5))
def test_errors_cancel_in_kernels_and_channels(seed: int) -> None:
    exact = stream(seed, "weight").normal(0, 3, (6, 5, 3, 3)).clip(-7, 7)
    found = SQUANT.rounded(exact, -7, 7)
    error = found - exact
    assert np.abs(error).max() < 1
    assert np.abs(error.sum(axis=(2, 3))).max() <= 1 + 1e-9  # a kernel gives at most one element to its channel
    assert np.abs(error.sum(axis=(1, 2, 3))).max() <= 0.5 + 1e-9
    nearest = np.rint(exact) - exact
    assert np.abs(nearest.sum(axis=(1, 2, 3))).max() > 0.5  # else there was nothing to do


def test_no_number_leaves_its_bits() -> None:
    exact = np.full((1, 1, 1, 4), 6.6)  # rounded to nearest the errors sum up to 1.6
    assert SQUANT.rounded(exact, -7, 7).max() == 7
    assert SQUANT.rounded(-exact, -7, 7).min() == -7
    clipped = SQUANT.rounded(np.array([[[[7.4, 7.4, 7.4, 1.0]]]]), -7, 7)
    assert clipped.max() == 7
