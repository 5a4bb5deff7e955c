"""Training of one model over explicit tensors, in chunks of steps: interrupted anywhere, it ends with the same bits.

Everything that changes stands in named arrays: weights, buffers, moments of the optimizer, and what else is trained.
Batches, augmentations and the masks of dropout come from random streams that are named by the step, so where the chunks
are cut changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.streams import seed_of, stream
from engine.models.build import GraphModule, build
from engine.models.graph import Graph
from engine.training.arrays import as_tensor, channels_last
from engine.training.augmentation import augmented
from engine.training.descent import AdamSteps, SgdSteps, Terms
from engine.training.optimizers.adam import Adam
from engine.training.rewrite import pool_before_relu
from engine.training.supervised_settings import DescentSettings

WEIGHTS, EXTRA = "weights", "extra"
"""Prefixes of the names of a trainer's arrays: the model's weights and buffers, and other trained tensors; those of
moments begin with ``velocity``, ``first`` or ``second``."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Batch:
    """Samples of one step.

    Attributes:
        inputs: (B, *sample), standardized, after augmentation.
        labels: (B,), int64; None where samples have none.
    """

    inputs: Tensor
    labels: Tensor | None


Loss = Callable[[GraphModule, Batch, Mapping[str, Tensor]], Mapping[str, Tensor]]
"""Terms of the loss by name, whose sum is minimized, from the model in training mode, a batch, and what else is
trained."""


@dataclass(frozen=True)
class Lesson:
    """What a model is trained with.

    Attributes:
        settings: the learning rule.
        num_steps: all steps, which the schedule of the learning rate spans.
        loss: makes the terms of the loss.
        batch: the samples of a step, by its number.
        seed: seed of the masks of dropout layers.
    """

    settings: DescentSettings
    num_steps: int
    loss: Loss
    batch: Callable[[int], Batch]
    seed: int = 0


@dataclass(frozen=True)
class Samples:
    """Samples to draw batches from.

    Attributes:
        x: (N, *sample.shape), float32 standardized or uint8 pixels.
        y: (N,) labels; None where there are none.
        standardized: makes of raw samples standardized ones; None if ``x`` is standardized.
    """

    x: np.ndarray
    y: np.ndarray | None = None
    standardized: Callable[[np.ndarray], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, rows: np.ndarray, settings: DescentSettings, draw: np.random.Generator) -> Batch:
        """The samples at these places, augmented."""
        x = self.x[rows]
        if self.standardized is not None:
            x = self.standardized(x)
        x = augmented(settings.augment, x, draw)
        labels = None if self.y is None else torch.from_numpy(self.y[rows])
        return Batch(channels_last(torch.from_numpy(x)), labels)


def rows_of_pass(seed: int, step: int, num_samples: int, batch_size: int) -> np.ndarray:
    """Rows of a step in passes over all samples, each in a new order; what is left of a pass falls away.

    Args:
        seed: seed of the run.
        step: number of the step, from 0.
        num_samples: samples in all.
        batch_size: samples of a step; all of them if there are fewer.
    """
    width = min(batch_size, num_samples)
    epoch, place = divmod(step, num_samples // width)
    return _order(seed, epoch, num_samples)[place * width : (place + 1) * width]


def rows_with_return(seed: int, step: int, num_samples: int, batch_size: int) -> np.ndarray:
    """Rows of a step drawn one by one, each sample as likely as any other: for a set that grows while it is used."""
    return stream(seed, "batches", "with return", step).integers(0, num_samples, batch_size)


def steps_per_pass(num_samples: int, batch_size: int) -> int:
    """Steps of one pass over all samples."""
    return num_samples // min(batch_size, num_samples)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, num_samples: int) -> np.ndarray:
    return stream(seed, "batches", "pass", epoch).permutation(num_samples)


def quick_module(graph: Graph) -> GraphModule:
    """The network in the order and memory layout in which torch's kernels are fastest: pooling before ReLU, channels
    last.
    """
    module = build(pool_before_relu(graph))
    nn.Module.to(module, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it out
    return module


@dataclass
class Trainer:
    """Takes arrays a chunk of steps further; between chunks it remembers what it handed out, so that nothing is copied
    in again when the next chunk begins with it.

    Args:
        graph: the model.
        extra: shapes of what else is trained, by name.
    """

    graph: Graph
    extra: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.module = quick_module(self.graph)
        self._others = {name: torch.zeros(shape, requires_grad=True) for name, shape in self.extra.items()}
        params = dict(self.module.named_parameters())
        self._trained: dict[str, Tensor] = {f"{WEIGHTS}/{name}": value for name, value in params.items()}
        self._trained |= {f"{EXTRA}/{name}": value for name, value in self._others.items()}
        self._buffers = {f"{WEIGHTS}/{name}": value for name, value in self.module.named_buffers()}
        self._moments: dict[str, Tensor] = {}
        self._handed_out: dict[str, np.ndarray] = {}

    def begin(self, weights: Arrays, settings: DescentSettings, extra: Arrays | None = None) -> dict[str, np.ndarray]:
        """The arrays before the first step: these weights, and moments of 0.

        Args:
            weights: weights and buffers by name.
            settings: the learning rule, which says what moments there are.
            extra: first values of what else is trained.
        """
        found = {f"{WEIGHTS}/{name}": array for name, array in weights.items()}
        found |= {f"{EXTRA}/{name}": array for name, array in (extra or {}).items()}
        zeros = {
            f"{moment}/{name}": np.zeros(tuple(value.shape), np.float32)
            for moment in moments_of(settings)
            for name, value in self._trained.items()
        }
        return {**found, **zeros}

    def advance(self, arrays: Arrays, lesson: Lesson, steps: range) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """The arrays after some steps, and the mean over them of each term of the loss and of ``loss``, their sum.

        Args:
            arrays: those of :meth:`begin`, or what came of the steps before.
            lesson: samples, loss and learning rule.
            steps: numbers of the steps to take.
        """
        self._load(arrays, lesson.settings)
        self._handed_out = {}  # from here on the module holds nobody's arrays, should a step fail
        self.module.train()
        optimizer, params = self._optimizer(lesson.settings, steps.start), list(self._trained.values())
        totals: dict[str, float] = {}
        for step in steps:
            optimizer.lr = lesson.settings.lr_of(step, lesson.num_steps)
            with dropout(self.module, lesson.seed, step):
                terms = lesson.loss(self.module, lesson.batch(step), self._others)
                loss = torch.stack(list(terms.values())).sum()
            gradients = list(torch.autograd.grad(loss, params))
            with torch.no_grad():
                optimizer.step(gradients)
            for name, value in {**terms, "loss": loss}.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach())
        return self._hand_out(), {name: total / len(steps) for name, total in totals.items()}

    def look(self, arrays: Arrays) -> GraphModule:
        """The model with these weights, in evaluation mode."""
        self._load_weights(arrays)
        return self.module.eval()

    def _load(self, arrays: Arrays, settings: DescentSettings) -> None:
        self._load_weights(arrays)
        for moment in moments_of(settings):
            for name, value in self._trained.items():
                key = f"{moment}/{name}"
                if key not in self._moments:
                    self._moments[key] = torch.zeros_like(value, requires_grad=False)
                self._copy(key, self._moments[key], arrays)

    def _load_weights(self, arrays: Arrays) -> None:
        for name, value in {**self._trained, **self._buffers}.items():
            self._copy(name, value, arrays)

    def _copy(self, name: str, value: Tensor, arrays: Arrays) -> None:
        if self._handed_out.get(name) is not arrays[name]:
            with torch.no_grad():
                value.copy_(as_tensor(arrays[name]))
            self._handed_out[name] = arrays[name]

    def _hand_out(self) -> dict[str, np.ndarray]:
        """Copies of everything: the arrays of a state are never written to again."""
        everything = {**self._trained, **self._buffers, **self._moments}
        self._handed_out = {name: np.array(value.detach().numpy(), order="C") for name, value in everything.items()}
        return dict(self._handed_out)

    def _optimizer(self, settings: DescentSettings, step: int) -> "SgdSteps | AdamSteps":
        params = list(self._trained.values())
        terms = Terms(params, [settings.weight_decay] * len(params), [])
        moments = [[self._moments[f"{moment}/{name}"] for name in self._trained] for moment in moments_of(settings)]
        if settings.optimizer == "adam":
            adam = AdamSteps(terms, Adam(), settings.lr)
            adam.first, adam.second, adam.count = *moments, step
            return adam
        sgd = SgdSteps(terms, settings, settings.lr)
        sgd.velocity = moments[0] if moments else []
        return sgd


def moments_of(settings: DescentSettings) -> Sequence[str]:
    """Names of the tensors of the size of the weights that the optimizer keeps."""
    if settings.optimizer == "adam":
        return ("first", "second")
    return ("velocity",) if settings.momentum else ()


def weights_in(arrays: Arrays) -> dict[str, np.ndarray]:
    """Weights and buffers by name, out of a trainer's arrays."""
    return {name.removeprefix(f"{WEIGHTS}/"): array for name, array in arrays.items() if name.startswith(f"{WEIGHTS}/")}


@contextmanager
def dropout(module: nn.Module, seed: int, step: int) -> Iterator[None]:
    """Seeds torch's own generator for the masks of one step; a model without dropout draws nothing."""
    if not any(isinstance(child, nn.Dropout) for child in module.modules()):
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, "dropout", step) % (1 << 63))  # noqa: TID251 -- nn.Dropout takes no generator
        yield
