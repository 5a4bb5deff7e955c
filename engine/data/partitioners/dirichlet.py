"""Class proportions drawn from a Dirichlet distribution: skew by one number, from nearly iid to one class each."""

import heapq
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.streams import stream
from engine.data.partitioner import DrawnPartitioner, partitioners, too_few_samples


@partitioners.register
class Dirichlet(DrawnPartitioner):
    """Class proportions are drawn from a Dirichlet distribution; a small ``alpha`` makes clients differ.

    By default the samples of each class are shared over the clients in proportions from Dir(alpha), so sizes differ too
    (Yurochkin et al.). With ``equal_sizes`` each client draws its own mixture of classes from Dir(alpha * prior) and
    takes equally many samples as the others (Hsu et al.; there alpha is multiplied by the classes' shares, so the same
    number skews more). A client that would hold fewer than ``min_samples`` gets samples of the largest ones.
    """

    source: ClassVar[str] = (
        "M. Yurochkin et al., Bayesian Nonparametric Federated Learning of Neural Networks, ICML 2019, section 4; "
        "T.-M. H. Hsu et al., Measuring the Effects of Non-Identical Data Distribution for Federated Visual "
        "Classification, 2019 (arXiv 1909.06335), section 3"
    )
    more_skewed: ClassVar[dict[str, float]] = {"alpha": 0.05}
    less_skewed: ClassVar[dict[str, float]] = {"alpha": 5.0}
    needs_labels: ClassVar[bool] = True
    kind: Literal["dirichlet"] = "dirichlet"

    alpha: float = Field(default=0.5, gt=0, le=1_000_000)
    """Concentration, dimensionless: toward 0 a class lies with one client; large values come near iid."""

    equal_sizes: bool = False
    """Whether all clients hold equally many samples (they differ by one at most)."""

    min_samples: int = Field(default=1, ge=1, le=1_000_000)
    """Least number of samples of a client."""

    @override
    def assign(self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None) -> np.ndarray:
        generator = stream(seed, "partition")
        by_class = np.bincount(labels)
        if self.equal_sizes:
            counts_KC = _equal_counts(by_class, num_clients, self.alpha, generator)
        else:
            counts_KC = _counts(by_class, num_clients, self.alpha, generator)
            _fill_up(counts_KC, self.min_samples)
        part_of = np.empty(len(labels), dtype=np.int64)
        for label, counts_C in enumerate(counts_KC):
            members = generator.permutation(np.flatnonzero(labels == label))
            part_of[members] = np.repeat(np.arange(num_clients), counts_C)
        return part_of

    @override
    def check(self, num_samples: int, num_classes: int, num_clients: int) -> list[Problem]:
        return too_few_samples(num_samples, num_clients, self.min_samples)


def _counts(by_class: np.ndarray, num_clients: int, alpha: float, generator: np.random.Generator) -> np.ndarray:
    """Samples of each class for each client, (K, C): per class multinomial with proportions from Dir(alpha)."""
    return np.stack(
        [generator.multinomial(size, generator.dirichlet(np.full(num_clients, alpha))) for size in by_class]
    )


def _equal_counts(by_class: np.ndarray, num_clients: int, alpha: float, generator: np.random.Generator) -> np.ndarray:
    """Samples of each class for each client, (K, C), columns of equal sum; clients draw one after the other.

    A client's draw beyond what a class has left is repeated with the classes that have some, as without replacement.
    """
    left_K = by_class.copy()
    prior_K = np.maximum(by_class / by_class.sum(), 1e-12)
    total = int(by_class.sum())
    sizes_C = np.diff(np.arange(num_clients + 1) * total // num_clients)
    counts_KC = np.zeros((len(by_class), num_clients), dtype=np.int64)
    for client, mixture_K in enumerate(generator.dirichlet(alpha * prior_K, num_clients)):
        wanted = int(sizes_C[client])
        while wanted:
            open_K = np.where(
                left_K > 0, mixture_K + 1e-12, 0.0
            )  # the addend matters if only unwanted classes are left
            taken_K = np.minimum(generator.multinomial(wanted, open_K / open_K.sum()), left_K)
            counts_KC[:, client] += taken_K
            left_K -= taken_K
            wanted -= int(taken_K.sum())
    return counts_KC


def _fill_up(counts_KC: np.ndarray, least: int) -> None:
    """Give clients below the least number samples of the largest clients, from their most frequent class, in place."""
    totals_C = counts_KC.sum(axis=0)
    largest = [(-int(total), client) for client, total in enumerate(totals_C) if total > least]
    heapq.heapify(largest)
    for client in np.flatnonzero(totals_C < least):
        wanted = least - int(totals_C[client])
        while wanted:
            negative, giver = heapq.heappop(largest)
            surplus = -negative - least
            label = int(np.argmax(counts_KC[:, giver]))
            moved = min(wanted, max(1, surplus // 2), int(counts_KC[label, giver]))
            counts_KC[label, giver] -= moved
            counts_KC[label, client] += moved
            wanted -= moved
            if surplus > moved:
                heapq.heappush(largest, (negative + moved, giver))
