import numpy as np
import pytest

from engine.training.coefficients import coefficients
from engine.training.settings import LocalSettings


def test_plain_sgd_subtracts_every_gradient_once() -> None:
    numbers = coefficients(LocalSettings(), lr=0.1, shrink=0.0, steps=3)
    assert numbers.is_plain
    assert numbers.start.tolist() == [1, 1, 1, 1]
    assert numbers.gradient == pytest.approx(-0.1 * np.tri(4, 3, -1))
    assert numbers.constant == pytest.approx([0, -0.1, -0.2, -0.3])


def test_momentum_by_hand() -> None:
    """v1 = g0, w1 = w - v1; v2 = g0 / 2 + g1, w2 = w1 - v2, with a learning rate of 1."""
    numbers = coefficients(LocalSettings(momentum=0.5), lr=1.0, shrink=0.0, steps=2)
    assert numbers.gradient[2] == pytest.approx([-1.5, -1.0])


def test_decay_by_hand() -> None:
    """w1 = 0.9 w - g0, w2 = 0.9 w1 - g1, with a learning rate of 1 and a decay of 0.1."""
    numbers = coefficients(LocalSettings(), lr=1.0, shrink=0.1, steps=2)
    assert not numbers.is_plain
    assert numbers.start == pytest.approx([1, 0.9, 0.81])
    assert numbers.gradient[2] == pytest.approx([-0.9, -1.0])
    assert numbers.constant[2] == pytest.approx(-1.9)
