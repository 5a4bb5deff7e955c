"""The small network that turns random codes into images: its settings, weights and work, told from shapes alone."""

from math import ceil, prod, sqrt
from typing import ClassVar, Literal

from pydantic import Field

from engine.core.component import Component
from engine.core.sample import SampleSpec
from engine.models.layer import Constant, Uniform, Weight

STEM_FACTOR = 2
"""Channels of the first feature maps, as a multiple of ``channels``."""


class GeneratorSettings(Component):
    """A small convolutional generator for images of any size.

    A linear layer gives feature maps of a quarter of the image's height and width; two stages double the size
    (nearest neighbor, a 3x3 convolution, batch normalization, leaky ReLU 0.2); a last 3x3 convolution gives the pixels,
    which are brought to the data's valid range. Batch normalization always takes the statistics of the batch, so the
    generator is its weights and nothing else.
    """

    source: ClassVar[str] = (
        "A. Radford, L. Metz, S. Chintala, Unsupervised Representation Learning with Deep Convolutional GANs, ICLR "
        "2016, with resize-convolutions as in H. Chen et al., Data-Free Learning of Student Networks, ICCV 2019"
    )

    latent_size: int = Field(default=100, ge=1, le=2048)
    """Length of the random code of one image."""

    channels: int = Field(default=32, ge=1, le=512)
    """Channels of the last hidden feature maps; the earlier ones have twice as many."""

    conditional: bool = False
    """Whether the wanted class is given to the generator, as a learned vector that is added to the code."""

    output: Literal["sigmoid", "standardized"] = "sigmoid"
    """How pixels are brought to the valid range: by a sigmoid onto it, or by tanh and batch normalization to mean 0 and
    standard deviation 1, which the private images have too, and a cut (``standardized``)."""

    def weights(self, sample: SampleSpec) -> tuple[Weight, ...]:
        """The weights for images of this shape, in a fixed order: name, shape and law of the initial values.

        Linear and convolutional weights start as torch's layers do: uniform up to 1 / sqrt(fan-in).
        """
        channels, stem = sample.shape[0], STEM_FACTOR * self.channels
        height, width = start_size(sample)
        found: list[Weight] = []
        if self.conditional:
            found.append(Weight("classes", (sample.num_classes, self.latent_size), Uniform(sqrt(3.0))))
        found += _affine("linear", (stem * height * width, self.latent_size))
        found += _norm("norm0", stem)
        found += [*_affine("conv1", (stem, stem, 3, 3)), *_norm("norm1", stem)]
        found += [*_affine("conv2", (self.channels, stem, 3, 3)), *_norm("norm2", self.channels)]
        found += _affine("conv3", (channels, self.channels, 3, 3))
        return tuple(found)

    def num_parameters(self, sample: SampleSpec) -> int:
        """Number of weights."""
        return sum(prod(weight.shape) for weight in self.weights(sample))

    def macs(self, sample: SampleSpec) -> float:
        """Multiply-accumulates of one image's forward pass as it is computed.

        A 3x3 convolution after doubling is a transposed one of 4x4 taps on the small maps: 16 instead of 36
        multiplications per small pixel.
        """
        stem, (height, width) = STEM_FACTOR * self.channels, start_size(sample)
        small = height * width
        middle = ceil(sample.shape[1] / 2) * ceil(sample.shape[2] / 2)
        return float(
            self.latent_size * stem * small
            + 16 * stem * stem * small
            + 16 * stem * self.channels * middle
            + 9 * self.channels * prod(sample.shape)
        )


def start_size(sample: SampleSpec) -> tuple[int, int]:
    """Height and width of the first feature maps: those of the image halved twice, rounded up."""
    _, height, width = sample.shape
    return ceil(ceil(height / 2) / 2), ceil(ceil(width / 2) / 2)


def _affine(name: str, shape: tuple[int, ...]) -> tuple[Weight, Weight]:
    bound = 1.0 / sqrt(prod(shape[1:]))
    return Weight(f"{name}.weight", shape, Uniform(bound)), Weight(f"{name}.bias", shape[:1], Uniform(bound))


def _norm(name: str, channels: int) -> tuple[Weight, Weight]:
    return Weight(f"{name}.weight", (channels,), Constant(1.0)), Weight(f"{name}.bias", (channels,), Constant(0.0))
