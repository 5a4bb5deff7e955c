"""What synthesizers and metadata see of the teacher and of the run; torch lives here."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.core.sample import SampleSpec
from engine.core.streams import Name, stream
from engine.data.dataset import Dataset
from engine.data.pixels import Pixels
from engine.datafree.owner.metadata_file import MetadataFile
from engine.datafree.stored_weights import weights_digest
from engine.models.build import GraphModule, build
from engine.models.graph import Graph
from engine.models.layers import BATCH_NORM_EPSILON, BatchNorm2d

MeanVariance = tuple[Tensor, Tensor]
"""Mean and variance per channel, (C,) each."""


@dataclass(frozen=True)
class Seen:
    """What the teacher makes of a batch.

    Attributes:
        logits: (B, K).
        features: (B, d), penultimate.
        batch_norm: mean and biased variance over batch and places of the input of each BatchNorm layer, in the order
            of the graph; empty if they were not asked for.
    """

    logits: Tensor
    features: Tensor
    batch_norm: list[MeanVariance]


class TeacherView:
    """A trained model that is only looked at: in evaluation mode, without gradients of its weights.

    Args:
        graph: its declaration.
        weights: its weights and buffers by name.
        pixels: the constants by which its inputs were standardized; they bound what an image can be.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, np.ndarray], pixels: Pixels) -> None:
        self.graph = graph
        self.num_classes = graph.sample.num_classes
        self.pixels = pixels
        self.weights = weights
        self.module: GraphModule = build(graph)
        self.module.load_state_dict({name: torch.tensor(np.asarray(array)) for name, array in weights.items()})
        self.low, self.high = valid_range(pixels)
        self._watched = _made_quick(self.module)
        self.sha256 = weights_digest(weights)

    @property
    def batch_norm_targets(self) -> list[MeanVariance]:
        """The running mean and variance of each BatchNorm layer, in the order of :attr:`Seen.batch_norm`."""
        return [(layer.mean, layer.variance) for layer in self._watched]

    def forward(self, x_BCHW: Tensor, *, batch_norm: bool = True) -> Seen:
        """Logits, features and, if asked for, the moments of every BatchNorm layer's input; differentiable by x."""
        for layer in self._watched:
            layer.is_watching = batch_norm
        logits, features = self.module.forward_with_features(x_BCHW)
        found = [layer.take() for layer in self._watched] if batch_norm else []
        return Seen(logits, features, found)

    @torch.no_grad()
    def outputs(self, x: np.ndarray, *, batch_size: int = 500) -> tuple[np.ndarray, np.ndarray]:
        """Logits (N, K) and features (N, d) of standardized samples, as float32 arrays."""
        logits, features = [], []
        for first in range(0, len(x), batch_size):
            seen = self.forward(torch.tensor(x[first : first + batch_size]), batch_norm=False)
            logits.append(seen.logits.numpy())
            features.append(seen.features.numpy())
        return np.concatenate(logits), np.concatenate(features)


@dataclass(frozen=True)
class SynthesisView:
    """What a synthesizer sees while it makes one batch of images; no private sample is among it.

    Attributes:
        teacher: the model whose knowledge the images carry.
        student: the model that learns from them, as it is now, in evaluation mode and without gradients of its
            weights; None unless the synthesizer is interleaved.
        metadata: what the owner handed out; None if nothing.
        sample: shape of an image and number of classes.
        pool: standardized training images (N, C, H, W) of another, public data set.
        seed: seed of the run.
        batch: number of the batch, from 0.
    """

    teacher: TeacherView
    student: GraphModule | None
    metadata: MetadataFile | None
    sample: SampleSpec
    pool: Callable[[Dataset], np.ndarray]
    seed: int
    batch: int

    def draw(self, *names: Name) -> np.random.Generator:
        """The random stream of that name within this batch; naming the step makes chunks independent of each other."""
        return stream(self.seed, "synthesis", self.batch, *names)

    @property
    def batch_norm_targets(self) -> list[MeanVariance]:
        """Statistics that images are to meet: those of the metadata file where it holds them, else the teacher's."""
        if self.metadata is None or self.metadata.kind != "batch_norm_statistics":
            return self.teacher.batch_norm_targets
        tensors = self.metadata.tensors
        names = [node.name for node in self.teacher.graph.nodes if isinstance(node.layer, BatchNorm2d)]
        ends = ("running_mean", "running_var")
        return [(torch.tensor(tensors[f"{n}.{ends[0]}"]), torch.tensor(tensors[f"{n}.{ends[1]}"])) for n in names]

    @cached_property
    def quick_student(self) -> GraphModule:
        """A copy of the student that computes the same in less time; see :func:`student_of`."""
        if self.student is None:
            raise EngineError("This synthesizer needs the student while it makes images, and there is none.")
        graph = self.student.graph
        module = deepcopy(self.student, {id(graph): graph})  # a declaration never changes and is shared
        _made_quick(module)
        return module

    def normal(self, shape: tuple[int, ...], *names: Name) -> Tensor:
        """Standard normal numbers of the stream of that name, float32."""
        return torch.from_numpy(self.draw(*names).standard_normal(shape, dtype=np.float32))

    def order(self, count: int, *names: Name) -> np.ndarray:
        """A random order of ``count`` things that is the same in every batch."""
        return stream(self.seed, "synthesis", *names).permutation(count)

    def batch_labels(self, batch_size: int) -> Tensor:
        """(B,) int64: labels of this batch; all batches together hold every class equally often, up to one."""
        first = self.batch * batch_size
        return torch.arange(first, first + batch_size) % self.sample.num_classes


def student_of(view: SynthesisView) -> GraphModule:
    """The student as it is now, as a copy that is quick to look at.

    Raises:
        EngineError: there is none, so that an interleaved synthesizer cannot work.
    """
    return view.quick_student


def valid_range(pixels: Pixels) -> tuple[Tensor, Tensor]:
    """Lowest and highest standardized value of each channel, (C, 1, 1) each: what pixels 0 and 1 become."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (pixels.mean, pixels.std))
    return (0.0 - mean) / std, (1.0 - mean) / std


class _WatchedNorm(nn.Module):
    """BatchNorm in evaluation mode that also tells the moments of its input, computed once per pass."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.mean, self.variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        scale = norm.get_parameter("weight").detach() / torch.sqrt(self.variance + BATCH_NORM_EPSILON)
        self.scale = scale[:, None, None]
        self.shift = (norm.get_parameter("bias").detach() - self.mean * scale)[:, None, None]
        self.is_watching = False
        self._seen: MeanVariance | None = None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not self.is_watching:
            return torch.addcmul(self.shift, x_BCHW, self.scale)
        parts: tuple[Tensor, Tensor, Tensor] = _AffineWithMoments.apply(x_BCHW, self.scale, self.shift)  # type: ignore[no-untyped-call]
        y_BCHW, mean, variance = parts
        self._seen = mean, variance
        return y_BCHW

    def take(self) -> MeanVariance:
        seen, self._seen = self._seen, None
        assert seen is not None, "every layer of a graph is on the way to its output"
        return seen


class _AffineWithMoments(torch.autograd.Function):
    """x · scale + shift, and mean and biased variance of x per channel, from one pass over x each way.

    ``torch.var_mean`` over these axes takes ten times as long, and its gradient two more tensors of the size of x.
    """

    @staticmethod
    def forward(ctx: Any, x_BCHW: Tensor, scale_C11: Tensor, shift_C11: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        unused = torch.zeros(2, x_BCHW.shape[1])
        mean, variance = torch.batch_norm_update_stats(x_BCHW, unused[0], unused[1], 0.0)
        ctx.save_for_backward(x_BCHW, mean, scale_C11)
        return torch.addcmul(shift_C11, x_BCHW, scale_C11), mean, variance

    @staticmethod
    def backward(ctx: Any, by_y: Tensor, by_mean: Tensor, by_variance: Tensor) -> tuple[Tensor, None, None]:
        x_BCHW, mean, scale_C11 = ctx.saved_tensors
        count = x_BCHW.numel() // x_BCHW.shape[1]
        slope = 2.0 / count * by_variance
        start = by_mean / count - slope * mean
        gradient = torch.addcmul(start[:, None, None], x_BCHW, slope[:, None, None])
        return gradient.addcmul_(by_y, scale_C11), None, None


def _made_quick(module: GraphModule) -> list[_WatchedNorm]:
    """Freeze a module and bring it to the form in which a pass takes least time; its watching layers.

    Convolutions on tensors whose channels lie last are up to twice as fast, and moments of channels ten times.
    """
    module.eval().requires_grad_(False)
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return _watch(module)


def _watch(module: GraphModule) -> list[_WatchedNorm]:
    """Put a watching layer in the place of each BatchNorm layer; those layers in the order of the graph."""
    watched = []
    for node in module.graph.nodes:
        if isinstance(node.layer, BatchNorm2d):
            layer = _WatchedNorm(getattr(module, node.name))
            setattr(module, node.name, layer)
            watched.append(layer)
    return watched
