"""The work that every peer is given, in files: the same samples, cohorts, batches and initial weights for all.

Needs nothing but NumPy and torch, for it is read in the peers' own environment.
"""

import itertools
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor, nn
from torch.nn import functional

SETTINGS, SAMPLES, LABELS, PLAN = "settings.json", "x.npy", "y.npy", "plan.npz"
"""Files of the folder."""


@dataclass(frozen=True)
class Given:
    """One workload.

    Attributes:
        hidden: units of the hidden layers; empty for the convolutional network of McMahan et al. 2017.
        batch: samples per local step.
        lr: learning rate.
        x: (N, 1, 28, 28) inputs.
        y: (N,) labels.
        cohorts: (R, m) clients of each round.
        visits: (R, m, n) rows of ``x`` in the order in which each of them visits its samples.
        weights: initial weights in the order of the layers.
    """

    hidden: tuple[int, ...]
    batch: int
    lr: float
    x: np.ndarray
    y: np.ndarray
    cohorts: np.ndarray
    visits: np.ndarray
    weights: Sequence[np.ndarray]

    def write(self, folder: Path) -> None:
        """Write the files."""
        settings = {"hidden": self.hidden, "batch": self.batch, "lr": self.lr, "num_weights": len(self.weights)}
        (folder / SETTINGS).write_text(json.dumps(settings))
        np.save(folder / SAMPLES, self.x)
        np.save(folder / LABELS, self.y)
        named = {f"weights{place}": array for place, array in enumerate(self.weights)}
        np.savez(folder / PLAN, cohorts=self.cohorts, visits=self.visits, **named)

    @classmethod
    def read(cls, folder: Path) -> "Given":
        """Read them; samples are mapped, so that several processes share them."""
        settings = json.loads((folder / SETTINGS).read_text())
        plan = np.load(folder / PLAN)
        return cls(
            tuple(settings["hidden"]),
            settings["batch"],
            settings["lr"],
            np.load(folder / SAMPLES, mmap_mode="c"),
            np.load(folder / LABELS),
            plan["cohorts"],
            plan["visits"],
            [plan[f"weights{place}"] for place in range(settings["num_weights"])],
        )

    def module(self) -> nn.Module:
        """The network with the initial weights."""
        module = mlp(self.hidden) if self.hidden else cnn()
        with torch.no_grad():
            for parameter, array in zip(module.parameters(), self.weights, strict=True):
                parameter.copy_(torch.from_numpy(array))
        return module

    def samples(self, round_number: int, place: int) -> tuple[Tensor, Tensor]:
        """Inputs and labels of one client of a round (from 0), in the order of its visits."""
        rows = self.visits[round_number, place]
        return torch.from_numpy(self.x[rows]), torch.from_numpy(self.y[rows])


def mlp(hidden: Sequence[int]) -> nn.Module:
    """Linear layers with ReLUs between them."""
    sizes, layers = [784, *hidden, 10], list[nn.Module]([nn.Flatten()])
    for place, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.ReLU()] if place else []
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)


def cnn() -> nn.Module:
    """Two convolutions of 5 x 5 with pooling, then 512 units."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10),
    )  # fmt: skip


def train(module: nn.Module, x: Tensor, y: Tensor, given: Given) -> None:
    """One epoch of plain SGD by autograd, all tensors updated at once."""
    optimizer = torch.optim.SGD(module.parameters(), lr=given.lr, foreach=True)
    for inputs, labels in zip(x.split(given.batch), y.split(given.batch), strict=True):
        optimizer.zero_grad()
        functional.cross_entropy(module(inputs), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


class Clock:
    """Wall time, and CPU time of this process with everything it started."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []
        self._me = psutil.Process()
        self._gone: dict[int, float] = {}

    def mark(self) -> None:
        """Note the time."""
        self.marks.append((time.perf_counter(), self._cpu_s()))

    def report(self, weights: Sequence[np.ndarray]) -> None:
        """Print what was measured, one JSON object: seconds of each round, and sums that tell the weights apart."""
        rounds = np.diff(np.array(self.marks), axis=0)
        found: dict[str, Any] = {
            "wall_s": rounds[:, 0].tolist(),
            "cpu_s": rounds[:, 1].tolist(),
            "sum": float(sum(array.astype(np.float64).sum() for array in weights)),
            "norm": float(np.sqrt(sum((array.astype(np.float64) ** 2).sum() for array in weights))),
        }
        print("\n" + json.dumps(found), flush=True)

    def _cpu_s(self) -> float:
        """A child that has ended counts with what it had at the last look."""
        for process in (self._me, *self._me.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            self._gone[process.pid] = times.user + times.system
        return sum(self._gone.values())


def folder() -> Path:
    """The folder of the work, from the environment."""
    return Path(os.environ["EDGELOOM_PEER_WORK"])
