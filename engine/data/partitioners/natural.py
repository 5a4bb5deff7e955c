"""The clients that a data set has by itself."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.errors import Problem, SpecError
from engine.data.dataset import Dataset
from engine.data.partitioner import Partitioner, partitioners


@partitioners.register
class Natural(Partitioner):
    """Each client holds the samples of one of the data set's own clients: a speaker, a role, a generated client.

    Only for data sets that have clients of their own. With fewer clients than those, the first ones are used.
    """

    source: ClassVar[str] = "S. Caldas et al., LEAF: A Benchmark for Federated Settings, 2018, arXiv 1812.01097"
    needs_owners: ClassVar[bool] = True
    kind: Literal["natural"] = "natural"

    @override
    def assign(self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None) -> np.ndarray:
        assert owners is not None
        num_owners = int(owners.max()) + 1
        if num_clients > num_owners:
            message = f"The data set has {num_owners} clients of its own; {num_clients} were asked for."
            raise SpecError([Problem("", "too_few_clients", message)])
        return owners

    @override
    def reads_own_clients(self, dataset: Dataset) -> bool:
        return dataset.num_natural_clients is not None
