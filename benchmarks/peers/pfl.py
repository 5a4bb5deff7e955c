"""pfl on the given work: federated averaging in its simulated backend, in one process.

pfl reads a user's samples in the order in which they stand, so they are handed over in the order of the visits.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
from pfl.metrics import Metrics
from pfl.model.pytorch import PyTorchModel
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.peers.given import Clock, Given, folder


class WithLoss(nn.Module):
    """The network with the two functions that pfl asks for."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.module(x)  # type: ignore[no-any-return]

    def loss(self, x: Tensor, y: Tensor, is_eval: bool = False) -> Tensor:
        """Mean cross-entropy."""
        return functional.cross_entropy(self(x), y)

    def metrics(self, x: Tensor, y: Tensor, is_eval: bool = True) -> dict[str, Any]:
        """Nothing: evaluation is left out on all sides."""
        return {}


class Marks(TrainingProcessCallback):  # type: ignore[misc]
    """Reads the clock after every round."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def after_central_iteration(
        self, aggregate_metrics: Metrics, model: PyTorchModel, *, central_iteration: int
    ) -> tuple[bool, Metrics]:
        """The end of a round."""
        self.clock.mark()
        return False, Metrics()


def main() -> None:
    """All rounds."""
    torch.set_num_threads(1)
    given = Given.read(folder())
    rounds, cohort = given.cohorts.shape
    places = itertools.product(range(rounds), range(cohort))
    users = FederatedDataset(lambda place: Dataset(given.samples(*place)), lambda: next(places, (0, 0)))
    module = WithLoss(given.module())
    model = PyTorchModel(
        module,
        lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, foreach=True),
        torch.optim.SGD(module.parameters(), lr=1.0),
    )
    clock = Clock()
    clock.mark()
    FederatedAveraging().run(
        NNAlgorithmParams(
            central_num_iterations=rounds, evaluation_frequency=10**6, train_cohort_size=cohort, val_cohort_size=0
        ),
        SimulatedBackend(training_data=users, val_data=users),
        model,
        NNTrainHyperParams(local_num_epochs=1, local_learning_rate=given.lr, local_batch_size=given.batch),
        NNEvalHyperParams(local_batch_size=given.batch),
        callbacks=[Marks(clock)],
        send_metrics_to_platform=False,
    )
    clock.report([np.asarray(parameter.detach()) for parameter in module.parameters()])


if __name__ == "__main__":
    main()
