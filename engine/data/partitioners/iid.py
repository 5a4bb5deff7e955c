"""Every client gets a random, equally large part."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.streams import stream
from engine.data.partitioner import DrawnPartitioner, partitioners, too_few_samples


@partitioners.register
class Iid(DrawnPartitioner):
    """Random parts of equal size (they differ by one sample at most), so every client sees the same distribution."""

    source: ClassVar[str] = (
        "H. B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, "
        "AISTATS 2017, section 3"
    )
    kind: Literal["iid"] = "iid"

    @override
    def assign(self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None) -> np.ndarray:
        return stream(seed, "partition").permutation(len(labels)) % num_clients

    @override
    def check(self, num_samples: int, num_classes: int, num_clients: int) -> list[Problem]:
        return too_few_samples(num_samples, num_clients, 1)
