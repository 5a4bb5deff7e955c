"""How much privacy a run has spent: epsilon at a delta, by a public library, at the price of milliseconds a round.

A run spends by *steps*, each a Gaussian mechanism on a random part of the records. Equal steps are counted, not
listed; the cost of one step as a curve over Rényi orders, or as a privacy loss distribution, is computed once per
process. The library is imported on first use.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from dp_accounting import DpEvent

Scheme = Literal["poisson", "fixed_size", "everyone"]
"""How a step's records were drawn: each by its own coin; a fixed number without replacement; or no credit for it."""

Method = Literal["rdp", "pld"]

DIGITS = 3
"""Sizes of populations are rounded down to so many digits, so that few curves are computed; epsilon only grows."""

MOST_LOSSES = 24
"""Different steps up to which each has a privacy loss distribution of its own. All are composed anew in every round, so
beyond, sizes of populations that changed from round to round are rounded to one digit less."""


@dataclass(frozen=True, order=True)
class Step:
    """One noisy release about a random part of some records.

    Neighbors differ in one record: added or removed, except for ``fixed_size``, where one is replaced by another. So
    there the sensitivity is twice the clipping bound, and the library is given half the noise multiplier.

    Attributes:
        noise_multiplier: standard deviation of the noise on the sum, over the bound on one record's term.
        scheme: how records were drawn.
        size: records drawn, on average for ``poisson``.
        of: records there were.
    """

    noise_multiplier: float
    scheme: Scheme = "everyone"
    size: int = 1
    of: int = 1

    @classmethod
    def drawn(cls, noise_multiplier: float, scheme: Scheme, size: int, of: int, *, digits: int = DIGITS) -> "Step":
        """A step with the population's size rounded down to a few digits: the sampling rate is never too low."""
        if size >= of:
            return cls(noise_multiplier, scheme, 1, 1)
        unit = 10 ** max(0, len(str(of)) - digits)
        fewer = max(size, of // unit * unit)
        return cls(noise_multiplier, scheme, 1, 1) if fewer == size else cls(noise_multiplier, scheme, size, fewer)

    @property
    def rate(self) -> float:
        """Share of the records that is drawn."""
        return self.size / self.of


Steps = Mapping[Step, int]
"""How often each step took place."""


def epsilon(steps: Steps, delta: float, method: Method = "rdp") -> float:
    """Epsilon of all steps together at a delta; 0 for none.

    Args:
        steps: what took place. Schemes with other neighbors cannot be mixed.
        delta: the probability with which the bound may fail.
        method: Rényi orders (Mironov 2017), or privacy loss distributions (tighter, no ``fixed_size``).

    Raises:
        ValueError: ``fixed_size`` with ``pld``, which has no distribution for it, or together with another scheme.
    """
    taken = {step: count for step, count in steps.items() if count > 0}
    if not taken:
        return 0.0
    if len({step.scheme == "fixed_size" for step in taken}) > 1:
        raise ValueError("steps that replace a record cannot be composed with steps that add or remove one")
    if method == "rdp":
        return _rdp_epsilon(taken, delta)
    if any(step.scheme == "fixed_size" for step in taken):
        raise ValueError("there is no privacy loss distribution for samples of a fixed size")
    return _pld_epsilon(tuple(sorted(_few(taken).items())), delta)


def _few(steps: Steps) -> Steps:
    """The steps, or if they are many, fewer that cost no less together."""
    if len(steps) <= MOST_LOSSES:
        return steps
    merged: dict[Step, int] = {}
    for step, count in steps.items():
        coarse = Step.drawn(step.noise_multiplier, step.scheme, step.size, step.of, digits=DIGITS - 1)
        merged[coarse] = merged.get(coarse, 0) + count
    return merged


def _rdp_epsilon(steps: Steps, delta: float) -> float:
    from dp_accounting.rdp import rdp_privacy_accountant

    whole = sum((count * curve(step) for step, count in steps.items()), np.zeros(1))
    return float(rdp_privacy_accountant.compute_epsilon(orders(), whole, delta)[0])


@lru_cache(maxsize=1)
def orders() -> np.ndarray:
    """The Rényi orders of :func:`curve`: the library's own choice."""
    from dp_accounting.rdp import RdpAccountant

    chosen: np.ndarray = RdpAccountant().orders
    return chosen


@lru_cache(maxsize=4096)
def curve(step: Step) -> np.ndarray:
    """Rényi divergence of one step at each of :func:`orders`; infinite where the library found none."""
    from dp_accounting import NeighboringRelation
    from dp_accounting.rdp import RdpAccountant

    replaces = step.scheme == "fixed_size"
    relation = NeighboringRelation.REPLACE_ONE if replaces else NeighboringRelation.ADD_OR_REMOVE_ONE
    accountant = RdpAccountant(neighboring_relation=relation)
    with _no_notes():
        accountant.compose(_event(step))
    found: np.ndarray = accountant.rdp
    return found


@lru_cache(maxsize=256)
def _pld_epsilon(steps: tuple[tuple[Step, int], ...], delta: float) -> float:
    (first, count), *others = steps
    whole = _loss(first).self_compose(count)
    for step, times in others:
        whole = whole.compose(_loss(step).self_compose(times))
    return float(whole.get_epsilon_for_delta(delta))


@lru_cache(maxsize=256)
def _loss(step: Step) -> Any:
    """Privacy loss distribution of one step, rounded to the unsafe side."""
    from dp_accounting.pld import privacy_loss_distribution

    return privacy_loss_distribution.from_gaussian_mechanism(
        step.noise_multiplier, value_discretization_interval=1e-3, sampling_prob=step.rate
    )


def _event(step: Step) -> "DpEvent":
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SampledWithoutReplacementDpEvent

    if step.scheme == "fixed_size":
        return SampledWithoutReplacementDpEvent(step.of, step.size, GaussianDpEvent(step.noise_multiplier / 2.0))
    if step.rate >= 1.0:
        return GaussianDpEvent(step.noise_multiplier)
    return PoissonSampledDpEvent(step.rate, GaussianDpEvent(step.noise_multiplier))


@contextmanager
def _no_notes() -> Iterator[None]:
    """Keeps the library from telling which orders it leaves out; leaving one out only makes epsilon larger."""
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
