import math

import numpy as np
import pytest

from engine.training.divergence import activation_divergence


def test_equal_clients_do_not_diverge() -> None:
    assert activation_divergence(np.tile([1.0, 2.0, 3.0], (4, 1))) == 0.0


def test_two_clients_by_hand() -> None:
    # a_1 = (ln 3, 0), a_2 = (0, ln 3): softmax 3/4, 1/4 and 1/4, 3/4; their mean activation gives 1/2, 1/2.
    # KL of each to it: 3/4 ln(3/2) + 1/4 ln(1/2); per feature, d = 2
    expected = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    activations = np.array([[math.log(3), 0.0], [0.0, math.log(3)]])
    assert activation_divergence(activations) == pytest.approx(expected, abs=1e-15)


def test_large_activations_do_not_overflow() -> None:
    assert math.isfinite(activation_divergence(np.array([[1e4, 0.0], [0.0, 1e4]])))
