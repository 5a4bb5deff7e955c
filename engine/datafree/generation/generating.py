"""The generator at work: weights as one flat vector, images from codes, steps of its training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.core.sample import SampleSpec
from engine.datafree.generation.generators import GeneratorSettings, start_size
from engine.datafree.images.views import SynthesisView
from engine.datafree.learning.adam import Trained
from engine.models.layer import Constant, Normal, Uniform

SLOPE = 0.2


@dataclass(frozen=True)
class Generator:
    """A generator of images for one data set; its weights are given to it each time.

    Attributes:
        settings: what it looks like.
        sample: shape of the images.
        low: smallest valid value of each channel, (C, 1, 1), in standardized space.
        high: largest valid value of each channel, (C, 1, 1).
    """

    settings: GeneratorSettings
    sample: SampleSpec
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, settings: GeneratorSettings, view: SynthesisView) -> "Generator":
        """The generator of the teacher's images."""
        return cls(settings, view.sample, view.teacher.low, view.teacher.high)

    def initial(self, draw: np.random.Generator) -> Tensor:
        """Initial weights as one flat vector, float32."""
        parts = []
        for weight in self.settings.weights(self.sample):
            size = prod(weight.shape)
            match weight.law:
                case Uniform(bound):
                    parts.append((2.0 * draw.random(size, dtype=np.float32) - 1.0) * np.float32(bound))
                case Normal(std):
                    parts.append(draw.standard_normal(size, dtype=np.float32) * np.float32(std))
                case Constant(value):
                    parts.append(np.full(size, value, dtype=np.float32))
        return torch.from_numpy(np.concatenate(parts))

    def unpacked(self, flat: Tensor) -> dict[str, Tensor]:
        """The weights by name, as leaves over the memory of the flat vector that gradients can be taken by."""
        found, start = {}, 0
        for weight in self.settings.weights(self.sample):
            stop = start + prod(weight.shape)
            found[weight.name] = flat[start:stop].view(weight.shape).detach().requires_grad_()
            start = stop
        return found

    def images(self, weights: dict[str, Tensor], codes_BZ: Tensor, labels_B: Tensor | None = None) -> Tensor:
        """Images (B, C, H, W) in the valid range.

        Args:
            weights: weights by name, see :meth:`unpacked`.
            codes_BZ: codes.
            labels_B: wanted classes; needed by a conditional generator only.
        """
        if self.settings.conditional:
            assert labels_B is not None
            codes_BZ = codes_BZ + weights["classes"][labels_B]
        _, height, width = self.sample.shape
        maps = functional.linear(codes_BZ, weights["linear.weight"], weights["linear.bias"])
        maps = maps.view(len(codes_BZ), -1, *start_size(self.sample)).contiguous(memory_format=torch.channels_last)
        maps = _normalized(maps, weights, "norm0")
        maps = _doubled(maps, weights, "conv1", (-(-height // 2), -(-width // 2)))
        maps = functional.leaky_relu(_normalized(maps, weights, "norm1"), SLOPE, inplace=True)
        maps = _doubled(maps, weights, "conv2", (height, width))
        maps = functional.leaky_relu(_normalized(maps, weights, "norm2"), SLOPE, inplace=True)
        maps = functional.conv2d(maps, weights["conv3.weight"], weights["conv3.bias"], padding=1)
        if self.settings.output == "standardized":
            even = functional.batch_norm(torch.tanh(maps), None, None, training=True)
            return torch.clamp(even, self.low, self.high)
        return torch.addcmul(self.low, self.high - self.low, torch.sigmoid(maps))


def _normalized(maps: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return functional.batch_norm(maps, None, None, weights[f"{name}.weight"], weights[f"{name}.bias"], training=True)


def _doubled(maps: Tensor, weights: dict[str, Tensor], name: str, size: tuple[int, int]) -> Tensor:
    """A 3x3 convolution of maps of double size (nearest neighbor), cut to ``size``.

    Doubling is a transposed convolution by four ones, and two convolutions in a row are one by their product: a
    transposed one with 4x4 taps, which takes 16 instead of 36 multiplications per small pixel and never forms the
    doubled maps (measured: half the time, forward and backward).
    """
    kernel_OI33, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    outs, ins = kernel_OI33.shape[:2]
    flipped = kernel_OI33.transpose(0, 1).flip(2, 3).reshape(ins * outs, 1, 3, 3)
    taps = functional.conv_transpose2d(flipped, flipped.new_ones(1, 1, 2, 2)).view(ins, outs, 4, 4)
    large = functional.conv_transpose2d(maps, taps, bias, stride=2, padding=1)
    return large if large.shape[2:] == size else large[:, :, : size[0], : size[1]]


def trained_of(tensors: Mapping[str, Tensor], name: str) -> Trained:
    """A copy of an optimized tensor and its running means, which stand as ``name``, ``name.first``, ``name.second``."""
    return Trained(*(tensors[key].clone() for key in (name, f"{name}.first", f"{name}.second")))


def stored(name: str, trained: Trained) -> dict[str, Tensor]:
    """An optimized tensor and its running means by the names that :func:`trained_of` reads."""
    return {name: trained.value, f"{name}.first": trained.first, f"{name}.second": trained.second}


def flat_gradient(gradients: tuple[Tensor, ...]) -> Tensor:
    """Gradients by several tensors as one vector, in their order."""
    return torch.cat([gradient.reshape(-1) for gradient in gradients])


@dataclass
class Means:
    """The means of named terms over the steps of a chunk."""

    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Take in the terms of one step."""
        self.count += 1
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())

    def result(self) -> dict[str, float]:
        """Mean of each term."""
        return {name: total / self.count for name, total in self.sums.items()}
