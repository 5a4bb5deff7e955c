"""The plain convolutional network of eleven layers, for small pictures."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import BatchNorm2d, Conv2d, GlobalAvgPool, MaxPool2d, ReLU
from engine.models.model import Model, models
from engine.models.residual import scaled
from engine.models.sketch import Sketch

BLOCKS = ((64,), (128,), (256, 256), (512, 512), (512, 512))
"""Channels of the convolutions of each block at full width."""

NUM_POOLS = 3
"""Blocks that are followed by pooling in a picture of 32x32; a larger one is pooled after the fourth too."""


@models.register
class Vgg11(Model):
    """VGG-11 with normalization in its form for CIFAR: eight 3x3 convolutions, mean of the picture, one classifier.

    The data-free benchmarks use it as a teacher: 9,231,114 parameters on CIFAR-10. The paper's network for ImageNet has
    two more fully connected layers.
    """

    source: ClassVar[str] = (
        "K. Simonyan, A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015, "
        "table 1 (A), with normalization and one classifier as in the data-free benchmarks (repositories "
        "HobbitLong/RepDistiller and zju-vipa/CMI)"
    )
    kind: Literal["vgg11"] = "vgg11"

    width: float = Field(default=1.0, ge=0.0625, le=2)
    """Factor of the channels of every layer against the published network, which has 64 to 512."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        sketch = Sketch(sample)
        pools = NUM_POOLS + (min(sample.shape[1:]) > 32)
        for block, widths in enumerate(BLOCKS, start=1):
            for number, channels in enumerate(widths, start=1):
                name = f"{block}_{number}"
                sketch.add(f"conv{name}", Conv2d(scaled(channels, self.width), 3, padding=1))
                sketch.add(f"norm{name}", BatchNorm2d())
                sketch.add(f"relu{name}", ReLU())
            if block <= pools:
                sketch.add(f"pool{block}", MaxPool2d(2))
        sketch.add("pool", GlobalAvgPool())
        return sketch.finish()
