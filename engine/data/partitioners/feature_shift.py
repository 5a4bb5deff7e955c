"""Clients with the same labels whose inputs differ: other noise, other orientation."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.dataset import Dataset
from engine.data.partitioner import DrawnPartitioner, partitioners, too_few_samples


@partitioners.register
class FeatureShift(DrawnPartitioner):
    """Random parts of equal size, whose samples each client sees with its own noise and its own rotation.

    Client i of N (counted from 1) adds Gaussian noise of mean 0 and variance ``noise`` * i / N to its standardized
    inputs, drawn once, so that a sample is the same in every round. With ``rotations`` of 2 or 4 the clients are
    divided into as many groups, and images are turned by 180 or 90 degrees more from group to group. Test samples are
    not changed.
    """

    source: ClassVar[str] = (
        "Q. Li et al., Federated Learning on Non-IID Data Silos: An Experimental Study, ICDE 2022, section 4.2 "
        "(noise); A. Ghosh et al., An Efficient Framework for Clustered Federated Learning, NeurIPS 2020, section 6.2 "
        "(rotation)"
    )
    shifts_samples: ClassVar[bool] = True
    kind: Literal["feature_shift"] = "feature_shift"

    noise: float = Field(default=0.1, ge=0, le=100)
    """Variance of the last client's noise, in units of the standardized inputs; 0: none."""

    rotations: Literal[1, 2, 4] = 1
    """Orientations that there are among the clients; 1: all alike. Above 1 for images only, 4 for square ones."""

    @override
    def assign(self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None) -> np.ndarray:
        return stream(seed, "partition").permutation(len(labels)) % num_clients

    @override
    def check(self, num_samples: int, num_classes: int, num_clients: int) -> list[Problem]:
        return too_few_samples(num_samples, num_clients, 1)

    @override
    def unsuited(self, dataset: Dataset, num_clients: int) -> list[Problem]:
        return [*self._kind_problems(dataset.sample()), *self._rotation_problems(dataset.sample())]

    @override
    def shift(self, x: np.ndarray, client: int, num_clients: int, seed: int) -> np.ndarray:
        quarters = 4 // self.rotations * (client % self.rotations)
        turned = np.rot90(x, quarters, axes=(-2, -1)) if quarters else x
        deviation = (self.noise * (client + 1) / num_clients) ** 0.5
        if not deviation:
            return np.ascontiguousarray(turned)
        drawn = stream(seed, "feature_shift", client).standard_normal(x.shape, dtype=np.float32)
        shifted: np.ndarray = turned + np.float32(deviation) * drawn
        return shifted

    def _kind_problems(self, sample: SampleSpec) -> list[Problem]:
        if sample.kind != "tokens":
            return []
        return [Problem("kind", "does_not_fit", "Noise is added to numbers; the data set has samples of tokens.")]

    def _rotation_problems(self, sample: SampleSpec) -> list[Problem]:
        if self.rotations == 1:
            return []
        size = "x".join(map(str, sample.shape))
        if sample.kind != "image" or (self.rotations == 4 and sample.shape[1] != sample.shape[2]):
            wanted = "square images" if self.rotations == 4 else "images"
            message = (
                f"{self.rotations} rotations need {wanted}; the data set has {sample.kind} samples of shape {size}."
            )
            return [Problem("rotations", "does_not_fit", message)]
        return []
