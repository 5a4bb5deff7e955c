"""Epsilon: equal to published tables and to the library itself, and monotone in everything that it should be."""

import math
import subprocess
import sys

import numpy as np
import pytest
from dp_accounting import GaussianDpEvent, NeighboringRelation, PoissonSampledDpEvent, SampledWithoutReplacementDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

from engine.privacy.accountant import Step, curve, epsilon, orders


def moments_epsilon(step: Step, count: int, delta: float) -> float:
    """The tail bound of Abadi et al. 2016, Theorem 2, over the integer moments up to 32 that they compute."""
    moments = orders() - 1.0
    used = (moments == np.rint(moments)) & (moments >= 1.0) & (moments <= 32.0)
    return float(np.min((count * curve(step) + math.log(1.0 / delta) / moments)[used]))


def test_mnist_figure_of_the_moments_accountant() -> None:
    # Abadi et al. 2016, section 3.2: q = 0.01, sigma = 4, delta = 1e-5, 10,000 steps give (1.26, 1e-5)
    step = Step(4.0, "poisson", 1, 100)
    assert moments_epsilon(step, 10_000, 1e-5) == pytest.approx(1.26, abs=0.005)
    assert epsilon({step: 10_000}, 1e-5, "pld") < epsilon({step: 10_000}, 1e-5, "rdp") < 1.26


PUBLISHED = [
    # McMahan et al. 2018, Table 1: users, users per round, noise, epsilon after 10^0, ..., 10^6 rounds at K^-1.1
    (10**5, 10**2, 1.0, (0.97, 0.98, 1.00, 1.07, 1.18, 2.21, 7.50)),
    (10**6, 10**1, 1.0, (0.68, 0.69, 0.69, 0.69, 0.69, 0.72, 0.73)),
    (10**6, 10**3, 1.0, (1.17, 1.17, 1.20, 1.28, 1.39, 2.44, 8.13)),
    (10**6, 10**4, 1.0, (1.73, 1.92, 2.08, 3.06, 8.49, 32.38, 187.01)),
    (10**6, 10**3, 3.0, (0.47, 0.47, 0.48, 0.48, 0.49, 0.67, 1.95)),
    (10**9, 10**3, 1.0, (0.84, 0.84, 0.84, 0.85, 0.88, 0.88, 0.88)),
]


@pytest.mark.parametrize(("users", "per_round", "noise", "published"), PUBLISHED)
def test_table_of_dp_fedavg(users: int, per_round: int, noise: float, published: tuple[float, ...]) -> None:
    step = Step(noise, "poisson", per_round, users)
    found = [round(moments_epsilon(step, 10**power, users**-1.1), 2) for power in range(7)]
    assert found == list(published)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 37])
def test_it_is_what_the_library_says(count: int) -> None:
    event = GaussianDpEvent(1.1)
    poisson = PoissonSampledDpEvent(0.05, event)
    library = RdpAccountant().compose(poisson, count)
    assert epsilon({Step(1.1, "poisson", 5, 100): count}, 1e-5) == pytest.approx(library.get_epsilon(1e-5), rel=1e-12)
    tight = PLDAccountant().compose(poisson, count)
    found = epsilon({Step(1.1, "poisson", 5, 100): count}, 1e-5, "pld")
    assert found == pytest.approx(tight.get_epsilon(1e-5), rel=1e-2)  # ours is rounded more coarsely
    replaced = RdpAccountant(neighboring_relation=NeighboringRelation.REPLACE_ONE)
    replaced.compose(SampledWithoutReplacementDpEvent(100, 5, GaussianDpEvent(0.55)), count)
    assert epsilon({Step(1.1, "fixed_size", 5, 100): count}, 1e-5) == pytest.approx(replaced.get_epsilon(1e-5))


@pytest.mark.slow
def test_unlike_steps_compose() -> None:
    some, others = Step(1.0, "poisson", 10, 100), Step(2.0)
    library = RdpAccountant().compose(PoissonSampledDpEvent(0.1, GaussianDpEvent(1.0)), 3)
    library.compose(GaussianDpEvent(2.0), 4)
    assert epsilon({some: 3, others: 4}, 1e-6) == pytest.approx(library.get_epsilon(1e-6), rel=1e-12)
    assert epsilon({some: 3, others: 4}, 1e-6, "pld") < epsilon({some: 3, others: 4}, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["rdp", "pld"])
def test_it_grows_with_rounds_and_rate_and_falls_with_noise_and_delta(method) -> None:
    def spent(noise: float = 1.0, size: int = 10, count: int = 20, delta: float = 1e-5) -> float:
        return epsilon({Step(noise, "poisson", size, 100): count}, delta, method)

    assert spent(count=10) < spent(count=20) < spent(count=40)
    assert spent(size=5) < spent(size=10) < spent(size=50)
    assert spent(noise=2.0) < spent(noise=1.0) < spent(noise=0.5)
    assert spent(delta=1e-4) < spent(delta=1e-5) < spent(delta=1e-6)
    assert spent(count=0) == 0.0


def test_a_single_gaussian_release_has_its_exact_epsilon() -> None:
    # Balle and Wang 2018, Theorem 8: delta(eps) = Phi(1/(2s) - eps s) - e^eps Phi(-1/(2s) - eps s)
    from scipy.stats import norm

    sigma = 2.0
    found = epsilon({Step(sigma): 1}, 1e-5, "pld")
    delta = norm.cdf(0.5 / sigma - found * sigma) - math.exp(found) * norm.cdf(-0.5 / sigma - found * sigma)
    assert delta == pytest.approx(1e-5, rel=1e-2)
    assert delta <= 1e-5  # never too optimistic


@pytest.mark.slow
def test_replacing_costs_more_than_removing() -> None:
    assert epsilon({Step(1.0, "fixed_size", 10, 100): 20}, 1e-5) > epsilon({Step(1.0, "poisson", 10, 100): 20}, 1e-5)
    with pytest.raises(ValueError, match="replace"):
        epsilon({Step(1.0, "fixed_size", 10, 100): 1, Step(1.0): 1}, 1e-5)
    with pytest.raises(ValueError, match="fixed size"):
        epsilon({Step(1.0, "fixed_size", 10, 100): 1}, 1e-5, "pld")


@pytest.mark.parametrize(("size", "of", "rounded"), [(10, 100, 100), (10, 1239, 1230), (700, 712, 712), (9, 9, 1)])
def test_populations_are_rounded_to_the_safe_side(size: int, of: int, rounded: int) -> None:
    step = Step.drawn(1.0, "poisson", size, of)
    assert step.of == rounded
    assert step.rate >= size / of


def test_a_full_cohort_of_fixed_size_still_counts_as_replacing() -> None:
    steps = {Step.drawn(1.0, "fixed_size", 10, 10): 3, Step.drawn(1.0, "fixed_size", 5, 10): 1}
    assert epsilon(steps, 1e-5) > epsilon({Step.drawn(1.0, "fixed_size", 5, 10): 4}, 1e-5)


@pytest.mark.slow
def test_the_library_is_loaded_on_first_use_only() -> None:
    code = "import sys, engine.privacy.mechanism as m; m.mechanisms.members(); print('dp_accounting' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


@pytest.mark.slow
def test_many_different_steps_are_joined_and_cost_no_less() -> None:
    """Thirty sizes of a population become three: composing grows with neither rounds nor sizes without bound."""
    many = {Step(1.0, "poisson", 20, 400 + place): 2 for place in range(30)}
    found = epsilon(many, 1e-5, "pld")
    assert found == epsilon({Step(1.0, "poisson", 20, size): 20 for size in (400, 410, 420)}, 1e-5, "pld")
    assert epsilon({Step(1.0, "poisson", 20, 429): 60}, 1e-5, "pld") < found
    assert found < epsilon({Step(1.0, "poisson", 20, 400): 60}, 1e-5, "pld")
