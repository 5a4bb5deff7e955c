"""The workloads of the speed comparison: the engine's task on them, and a good sequential loop on the same batches."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.costs.model import CostModel
from engine.data.dataset import Dataset, Split, SplitName
from engine.data.datasets.mnist import Mnist
from engine.data.partitioners.iid import Iid
from engine.data.store import DataStore
from engine.federated.layout import graph_of, population_of
from engine.federated.rounds.cohorts import draw_cohort
from engine.federated.samplers.uniform import Uniform
from engine.federated.settings import EvaluationSettings
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.task import Federated
from engine.fleet.group import FleetSpec
from engine.models.build import build
from engine.models.model import Model
from engine.models.weights import initial
from engine.models.zoo.mcmahan_cnn import McmahanCnn
from engine.models.zoo.mlp import Mlp
from engine.network.spec import NetworkSpec
from engine.task.artifacts import ArtifactFolder
from engine.task.contract import Context
from engine.task.local import LocalExecutor
from engine.training.arrays import as_tensor
from engine.training.batches import visiting_order
from engine.training.settings import LocalSettings

ENDLESS = 1_000_000
"""Rounds of the task, so that its last one, which is evaluated, never comes."""

LR = 0.1

Batches = Sequence[torch.Tensor]


@dataclass(frozen=True)
class Workload:
    """One setting of the comparison.

    Attributes:
        name: as in the tables.
        model: the network.
        num_clients: clients in all.
        cohort: clients per round.
        samples: samples per client.
        batch: samples per local step.
        rounds: rounds that are timed.
        quick_rounds: the same of the short form; 0 leaves the workload out.
        warm_rounds: rounds of the engine before that, in which it fills what it keeps between rounds.
        dataset: what the samples are.
    """

    name: str
    model: Model
    num_clients: int
    cohort: int
    samples: int
    batch: int
    rounds: int
    quick_rounds: int
    warm_rounds: int
    dataset: Dataset

    @property
    def is_available(self) -> bool:
        """Whether the samples are on this machine; nothing is fetched."""
        return self.dataset.is_available(DataStore.from_environment())


class Noise(Dataset):
    """Images of noise with random labels: no input is the same in all samples, and nothing is learned."""

    def sample(self) -> SampleSpec:
        """As MNIST."""
        return SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)

    def num_samples(self, split: SplitName) -> int:
        """As MNIST; next to nothing to test on."""
        return 60_000 if split == "train" else 10

    def checksum(self) -> str:
        """Of no content."""
        return "0" * 64

    def is_available(self, store: DataStore) -> bool:
        """Everywhere."""
        return True

    def read(self, store: DataStore, split: SplitName) -> Split:
        """The same as :meth:`load`."""
        return self.load(store, split)

    def load(self, store: DataStore, split: SplitName) -> Split:
        """Made in memory, without the store."""
        draw, count = stream(0, "noise", split), self.num_samples(split)
        return Split(draw.standard_normal((count, 1, 28, 28), dtype=np.float32), draw.integers(0, 10, count))


_W1 = Workload("W1", Mlp(hidden=(200,)), 100, 10, 600, 10, rounds=12, quick_rounds=6, warm_rounds=30, dataset=Noise())
_W2 = Workload("W2", McmahanCnn(), 100, 10, 600, 32, rounds=3, quick_rounds=0, warm_rounds=1, dataset=Noise())
_W3 = Workload("W3", Mlp(hidden=(64,)), 1000, 100, 60, 10, rounds=24, quick_rounds=10, warm_rounds=24, dataset=Noise())

WORKLOADS = (
    _W1,
    replace(_W1, name="W1-mnist", dataset=Mnist()),
    _W2,
    _W3,
    replace(_W3, name="W3-mnist", dataset=Mnist()),
)
"""Peers are timed on noise alone; on MNIST, whose borders never vary, engine and loop."""


def make_task(work: Workload) -> tuple[Federated, Context]:
    """The engine's task and its world."""
    fleet = FleetSpec.model_validate({"groups": [{"device": "rpi_4b_4gb", "count": work.num_clients}]}).resolve()
    network = NetworkSpec().resolve(fleet, 0)
    folder = Path("unused")
    context = Context(
        seed=0, fleet=fleet, network=network, cost_model=CostModel(fleet, network), store=DataStore.from_environment(),
        artifacts=ArtifactFolder(folder), executor=LocalExecutor(),
    )  # fmt: skip
    task = Federated.model_construct(
        dataset=work.dataset, partition=Iid(), model=work.model, strategy=FedAvg(),
        sampler=Uniform(num_clients=work.cohort),
        local=LocalSettings(epochs=1, batch_size=work.batch, lr=LR), rounds=ENDLESS, data_reuse=False,
        evaluation=EvaluationSettings(every_rounds=ENDLESS),
    )  # fmt: skip
    return task, context


def engine_rounds(task: Federated, context: Context) -> Callable[[], dict[str, np.ndarray]]:
    """A function that carries out the next round of the task."""
    state = task.init(context)

    def one_round() -> dict[str, np.ndarray]:
        nonlocal state
        done = task.progress(state).done
        while task.progress(state).done == done:
            state, _ = task.step(context, state)
        prefix = "server/weights/"
        return {name.removeprefix(prefix): array for name, array in state.tensors.items() if name.startswith(prefix)}

    return one_round


def sequential_rounds(task: Federated, context: Context, *, lean: bool) -> Callable[[], dict[str, np.ndarray]]:
    """A function that carries out the next round in an ordinary loop, one client after another."""
    graph, population = graph_of(task, context), population_of(task, context)
    data = task.dataset.load(context.store, "train")
    x, y = as_tensor(data.x), as_tensor(data.y)
    loop = Loop(build(graph), lean=lean)
    weights = [torch.from_numpy(array) for array in initial(graph, context.seed).values()]
    number = 0

    def one_round() -> dict[str, np.ndarray]:
        nonlocal number, weights
        number += 1
        clients = draw_cohort(task, context, number)
        counts = population.num_samples(clients)
        sums = [torch.zeros_like(weight) for weight in weights]
        for client, count in zip(clients, counts, strict=True):
            rows = population.samples([int(client)]).places[0]
            order = rows[visiting_order(context.seed, int(client), number, len(rows), 1)[0]]
            loop.train(weights, x[order].split(task.local.batch_size), y[order].split(task.local.batch_size))
            with torch.no_grad():
                torch._foreach_add_(sums, [p.detach() for p in loop.params], alpha=float(count / counts.sum()))
        weights = sums
        return dict(zip([info.name for info in graph.parameters()], (w.numpy() for w in weights), strict=True))

    return one_round


class Loop:
    """One epoch of plain SGD by autograd; the lean form asks for the gradients and adds them, without an optimizer."""

    def __init__(self, module: nn.Module, *, lean: bool) -> None:
        self.module, self.lean = module, lean
        self.params = list(module.parameters())
        self.optimizer = torch.optim.SGD(self.params, lr=LR, foreach=True)

    def train(self, start: list[torch.Tensor], inputs: Batches, labels: Batches) -> None:
        """From these weights over these batches; the result is in ``params``."""
        with torch.no_grad():
            torch._foreach_copy_(self.params, start)
        for x, y in zip(inputs, labels, strict=True):
            loss = functional.cross_entropy(self.module(x), y)
            if self.lean:
                gradients = torch.autograd.grad(loss, self.params)
                with torch.no_grad():
                    torch._foreach_add_(self.params, gradients, alpha=-LR)
            else:
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
