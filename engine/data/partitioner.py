"""The contract of a partitioner: how a data set's training samples are spread over clients."""

from abc import abstractmethod
from itertools import pairwise
from typing import ClassVar

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.component import Component
from engine.core.errors import Problem, SpecError
from engine.core.registry import Registry
from engine.data.dataset import Dataset


class Partitioner(Component):
    """A way to spread the samples of a data set over clients.

    The result is a partition: no sample is lost and none is held twice. Client i gets the i-th part.
    """

    more_skewed: ClassVar[dict[str, float] | None] = None
    """Parameters by which clients differ more than with ``less_skewed``; None for a member without such a parameter."""

    less_skewed: ClassVar[dict[str, float] | None] = None
    """See ``more_skewed``; the conformance tests compare the two."""

    needs_owners: ClassVar[bool] = False
    """Whether the data set must have clients of its own."""

    needs_labels: ClassVar[bool] = False
    """Whether each sample must have one label; a language model's samples have one per position."""

    shifts_samples: ClassVar[bool] = False
    """Whether clients see their samples changed, by :meth:`shift`."""

    @abstractmethod
    def assign(self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None) -> np.ndarray:
        """The client of each sample, (N,) int64; arguments as of :meth:`split`, which callers use."""

    def split(
        self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """Indices of each client's samples.

        Args:
            labels: (N,) integer labels of all samples.
            num_clients: number of parts to make, see :meth:`num_shards`.
            seed: seed of the run.
            owners: (N,) which of the data set's own clients each sample belongs to; None if it has none.

        Returns:
            ``num_clients`` int64 arrays in increasing order.

        Raises:
            SpecError: the request is impossible; :meth:`check` says so beforehand.
        """
        num_classes = int(labels.max()) + 1 if labels.size else 0
        if owners is None and self.needs_owners:
            raise SpecError([no_owners()])
        if problems := self.check(len(labels), num_classes, num_clients):
            raise SpecError(problems)
        return grouped(self.assign(labels, num_clients, seed, owners), num_clients)

    def num_shards(self, num_devices: int) -> int:
        """How many parts there are for that many devices; with fewer, devices share parts only with ``data_reuse``."""
        return num_devices

    def check(self, num_samples: int, num_classes: int, num_clients: int) -> list[Problem]:
        """What is impossible about a request, told without loading data; paths are relative to the partitioner."""
        return []

    def suits(self, dataset: Dataset, num_clients: int) -> list[Problem]:
        """Why the data set cannot be spread so over that many clients, told without loading it.

        Includes what :meth:`check` finds; paths are relative to the partitioner.
        """
        if self.needs_owners and dataset.num_natural_clients is None:
            return [no_owners()]
        sample = dataset.sample()
        if self.needs_labels and sample.per_position:
            message = "This partition sorts samples by label, but the data set has a label per position of a sample."
            return [Problem("kind", "no_single_label", message)]
        checked = (
            []
            if self.reads_own_clients(dataset)
            else self.check(dataset.num_samples("train"), sample.num_classes, num_clients)
        )
        return [*checked, *self.unsuited(dataset, num_clients)]

    def unsuited(self, dataset: Dataset, num_clients: int) -> list[Problem]:
        """What else a member finds unsuitable about a data set's declaration."""
        return []

    def reads_own_clients(self, dataset: Dataset) -> bool:
        """Whether clients are simply those of the data set, read one by one with :meth:`Dataset.client`."""
        return False

    def shift(self, x: np.ndarray, client: int, num_clients: int, seed: int) -> np.ndarray:
        """The samples of a client as that client sees them.

        Args:
            x: (n, *sample.shape), all training samples of the client, in increasing order of indices.
            client: its number.
            num_clients: number of parts.
            seed: seed of the run.

        Returns:
            An array of the same shape; ``x`` itself where ``shifts_samples`` is not set.
        """
        return x


class DrawnPartitioner(Partitioner):
    """A partitioner that draws its parts from a data set without clients of its own."""

    num_parts: int | None = Field(default=None, ge=1, le=10_000_000)
    """Number of parts; empty for one per device.

    With fewer parts than devices, device i holds part i modulo this number; with more, the last ones are not used.
    """

    @override
    def num_shards(self, num_devices: int) -> int:
        return num_devices if self.num_parts is None else self.num_parts


def no_owners() -> Problem:
    """The problem of a data set without clients of its own."""
    message = (
        "This partition needs a data set with clients of its own (speakers, roles, users); this one has none, so "
        "choose another partition."
    )
    return Problem("kind", "no_natural_clients", message)


def too_few_samples(num_samples: int, num_clients: int, each: int) -> list[Problem]:
    """The problem of more samples asked for than there are, if so.

    Args:
        num_samples: samples that there are.
        num_clients: clients that each need some.
        each: least number of samples (or shards) of a client.
    """
    if num_clients * each <= num_samples:
        return []
    return [
        Problem(
            "",
            "too_few_samples",
            f"{num_clients} clients with at least {each} each need {num_clients * each} samples; "
            f"the data set has {num_samples}.",
        )
    ]


def grouped(part_of: np.ndarray, num_parts: int) -> list[np.ndarray]:
    """The indices of each part, increasing, from the part of each sample.

    Args:
        part_of: (N,) number of the part that each sample belongs to, 0 .. num_parts - 1; others are left out.
        num_parts: number of parts; a part may be empty.
    """
    order = np.argsort(part_of, kind="stable").astype(np.int64)
    borders = np.searchsorted(part_of[order], np.arange(num_parts + 1))
    return [order[start:end] for start, end in pairwise(borders)]


partitioners: Registry[Partitioner] = Registry(
    "partitioners", "engine.data.partitioners", Partitioner, title="Partition"
)
"""All partitioners."""
