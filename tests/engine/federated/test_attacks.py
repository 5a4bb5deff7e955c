"""Attacks on numbers small enough to follow by hand."""

import math

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.pixels import Pixels
from engine.federated.attack import Attack, Target
from engine.federated.attacks.alie import Alie, largest_shift
from engine.federated.attacks.backdoor import Backdoor
from engine.federated.attacks.gaussian import Gaussian
from engine.federated.attacks.inner_product import InnerProduct
from engine.federated.attacks.label_flip import LabelFlip
from engine.federated.attacks.sign_flip import SignFlip

IMAGES = Target(SampleSpec(kind="image", shape=(2, 4, 5), num_classes=10), Pixels(mean=(0.5, 0.2), std=(0.5, 0.4)))
BAD = np.array([False, True, False, True])


def sent(attack: Attack, values: list[list[float]]) -> np.ndarray:
    """What the second and the fourth of four clients send."""
    rows: np.ndarray = attack.crafted(np.array(values), BAD, stream(0, "craft"))[BAD]
    return rows


def test_labels_in_reverse() -> None:
    x, y = np.zeros((3, 2, 4, 5), np.float32), np.array([0, 3, 9])
    same, turned = LabelFlip().poison(x, y, IMAGES, stream(0))
    assert same is x
    assert turned.tolist() == [9, 6, 0]
    positions = LabelFlip().poison(x, np.array([[0, 1], [2, 3], [8, 9]]), IMAGES, stream(0))[1]
    assert positions.tolist() == [[9, 8], [7, 6], [1, 0]]


def test_sign_flip() -> None:
    assert sent(SignFlip(scale=3.0), [[1.0], [2.0], [1.0], [-4.0]]).tolist() == [[-6.0], [12.0]]


def test_noise_has_the_deviation_that_is_set() -> None:
    values = Gaussian(std=5.0).crafted(np.ones((4, 20_000), np.float32), BAD, stream(0, "craft"))
    assert abs(values[BAD].std() - 5.0) < 0.1
    assert abs(values[BAD].mean()) < 0.15
    assert not np.array_equal(values[1], values[3])


def test_inner_product_turns_the_honest_mean() -> None:
    assert sent(InnerProduct(epsilon=0.5), [[1.0], [70.0], [3.0], [80.0]]).tolist() == [[-1.0], [-1.0]]


@pytest.mark.parametrize(
    ("clients", "malicious", "share"),
    [(50, 24, 24 / 26), (50, 20, 24 / 30), (10, 4, 4 / 6), (20, 8, 9 / 12)],
)
def test_largest_shift_by_the_formula_of_the_paper(clients: int, malicious: int, share: float) -> None:
    """The share of honest clients that lie nearer than z, by the error function."""
    z = largest_shift(clients, malicious)
    assert (1 + math.erf(z / math.sqrt(2))) / 2 == pytest.approx(share, abs=1e-12)


def test_largest_shift_of_the_paper_s_own_setting() -> None:
    """50 clients of which 24 are malicious: two supporters, Phi(z) = 24/26, z = 1.43 in the table of the normal."""
    assert largest_shift(50, 24) == pytest.approx(1.426, abs=1e-3)


@pytest.mark.parametrize(("clients", "malicious"), [(50, 1), (10, 2), (10, 10), (2, 1)])
def test_shift_is_never_below_zero(clients: int, malicious: int) -> None:
    assert largest_shift(clients, malicious) == 0.0


def test_majority_shifts_as_if_one_supporter_were_needed() -> None:
    assert largest_shift(10, 7) == largest_shift(11, 8) != 0.0


def test_alie_shifts_the_mean_of_what_it_knows() -> None:
    """Own updates 2 and 4: mean 3, deviation 1. Honest ones 1 and 5: mean 3, deviation 2."""
    values = [[1.0], [2.0], [5.0], [4.0]]
    assert sent(Alie(z=1.5), values).tolist() == [[1.5], [1.5]]
    assert sent(Alie(z=1.5, omniscient=True), values).tolist() == [[0.0], [0.0]]


def test_backdoor_marks_some_samples() -> None:
    x, y = np.zeros((10, 2, 4, 5), np.float32), np.arange(10)
    bad_x, bad_y = Backdoor(label=7, size=2, share=0.3).poison(x, y, IMAGES, stream(1))
    marked = bad_x.any(axis=(1, 2, 3))
    assert marked.sum() == 3
    assert (bad_y[marked] == 7).all()
    assert (bad_y[~marked] == y[~marked]).all()
    first = bad_x[marked][0]
    assert first[:, 2:, 3:].tolist() == [[[1.0, 1.0]] * 2, [[2.0, 2.0]] * 2], "white, standardized per channel"
    assert np.count_nonzero(first) == 8


def test_backdoor_is_measured_on_other_classes() -> None:
    x, y = np.zeros((10, 2, 4, 5), np.float32), np.arange(10)
    marked, wanted = Backdoor(label=7).trigger(x, y, IMAGES)
    assert len(marked) == 9
    assert (wanted == 7).all()
    assert marked[:, :, 3, 4].all()
    assert not x.any()


def test_backdoor_without_known_pixels_takes_the_brightest() -> None:
    x = np.linspace(-1, 3, 40, dtype=np.float32).reshape(1, 2, 4, 5)
    marked, _ = Backdoor(label=1, size=1).trigger(x, np.array([0]), Target(IMAGES.sample))
    assert marked[0, :, 3, 4].tolist() == x.max(axis=(0, 2, 3)).tolist()


def test_replaced_model_is_the_attacker_s() -> None:
    """Bagdasaryan et al., equation 3: where the honest clients have converged, the mean is the malicious update."""
    values = np.zeros((4, 3))
    values[BAD] = [1.0, -2.0, 0.5]
    assert Backdoor().crafted(values, BAD, stream(0)).mean(axis=0).tolist() == [1.0, -2.0, 0.5]
    assert sent(Backdoor(scale=3.0), [[0.0], [1.0], [0.0], [2.0]]).tolist() == [[3.0], [6.0]]


def test_backdoor_tells_what_does_not_fit() -> None:
    problems = Backdoor(label=10, size=5).check(IMAGES, 10)
    assert [problem.path for problem in problems] == ["size", "label"]
    assert "4 x 5" in problems[0].message
    assert "0 to 9" in problems[1].message
    (problem,) = Backdoor().check(Target(SampleSpec(kind="features", shape=(60,), num_classes=10)), 10)
    assert "features" in problem.message
