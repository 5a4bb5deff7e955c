"""A few shards of label-sorted data for each client: the classic pathological split."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.streams import stream
from engine.data.partitioner import DrawnPartitioner, partitioners, too_few_samples


@partitioners.register
class Shards(DrawnPartitioner):
    """Samples are sorted by label and cut into equal shards; each client draws ``classes_per_client`` of them.

    A client then sees at most that many classes where shards do not run over the border of a class (FedMAX on CIFAR-10:
    200 shards of 250 images), and a few more where they do (McMahan et al. on MNIST: 200 shards of 300).
    """

    source: ClassVar[str] = (
        "H. B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, "
        "AISTATS 2017, section 3"
    )
    more_skewed: ClassVar[dict[str, float]] = {"classes_per_client": 1}
    less_skewed: ClassVar[dict[str, float]] = {"classes_per_client": 5}
    needs_labels: ClassVar[bool] = True
    kind: Literal["shards"] = "shards"

    classes_per_client: int = Field(default=2, ge=1, le=1000)
    """Shards per client; fewer make clients differ more."""

    @override
    def assign(self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None) -> np.ndarray:
        num_shards = num_clients * self.classes_per_client
        client_of_shard = stream(seed, "partition").permutation(num_shards) // self.classes_per_client
        shard_of_place = np.arange(len(labels)) * num_shards // len(labels)
        part_of = np.empty(len(labels), dtype=np.int64)
        part_of[np.argsort(labels, kind="stable")] = client_of_shard[shard_of_place]
        return part_of

    @override
    def check(self, num_samples: int, num_classes: int, num_clients: int) -> list[Problem]:
        problems = too_few_samples(num_samples, num_clients, self.classes_per_client)
        if self.classes_per_client > num_classes:
            message = f"{self.classes_per_client} was given, but the data set has {num_classes} classes."
            problems.append(Problem("classes_per_client", "out_of_range", message))
        return problems
