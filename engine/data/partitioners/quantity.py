"""Clients of different size with one distribution."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.streams import stream
from engine.data.partitioner import DrawnPartitioner, partitioners, too_few_samples


@partitioners.register
class Quantity(DrawnPartitioner):
    """Random parts whose sizes follow a heavy-tailed law; the labels of every part follow that of the whole.

    Each client first gets ``min_samples``; the rest is shared in proportion to weights: exp(skew z) with z standard
    normal (``lognormal``), or rank^-skew with ranks in random order (``power``).
    """

    source: ClassVar[str] = (
        "Q. Li et al., Federated Learning on Non-IID Data Silos: An Experimental Study, ICDE 2022, section 4.3 "
        "(quantity skew); power law as in T. Li et al., MLSys 2020, section 5.1"
    )
    more_skewed: ClassVar[dict[str, float]] = {"skew": 2.0}
    less_skewed: ClassVar[dict[str, float]] = {"skew": 0.2}
    kind: Literal["quantity"] = "quantity"

    law: Literal["lognormal", "power"] = "lognormal"
    """Law of the weights by which samples are shared."""

    skew: float = Field(default=1.0, ge=0, le=4)
    """How much sizes differ, dimensionless: standard deviation of the log weight, or the exponent; 0: equal sizes."""

    min_samples: int = Field(default=1, ge=1, le=1_000_000)
    """Least number of samples of a client."""

    @override
    def assign(self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None) -> np.ndarray:
        generator = stream(seed, "partition")
        sizes = self._sizes(len(labels), num_clients, generator)
        part_of = np.empty(len(labels), dtype=np.int64)
        part_of[generator.permutation(len(labels))] = np.repeat(np.arange(num_clients), sizes)
        return part_of

    @override
    def check(self, num_samples: int, num_classes: int, num_clients: int) -> list[Problem]:
        return too_few_samples(num_samples, num_clients, self.min_samples)

    def _sizes(self, num_samples: int, num_clients: int, generator: np.random.Generator) -> np.ndarray:
        """Sizes of all clients, (num_clients,), by largest remainders, so that nothing is lost to rounding."""
        if self.law == "lognormal":
            weights = np.exp(self.skew * generator.standard_normal(num_clients))
        else:
            weights = (1.0 + generator.permutation(num_clients)) ** -self.skew
        exact = (num_samples - num_clients * self.min_samples) * weights / weights.sum()
        sizes: np.ndarray = np.floor(exact).astype(np.int64)
        missing = num_samples - num_clients * self.min_samples - int(sizes.sum())
        sizes[np.argsort(sizes - exact, kind="stable")[:missing]] += 1
        sizes += self.min_samples
        return sizes
