"""The residual network of eighteen layers, for small pictures."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.model import Model, models
from engine.models.residual import basic_resnet


@models.register
class Resnet18(Model):
    """ResNet-18 in its form for CIFAR: a first 3x3 convolution without pooling; 11,173,962 parameters on CIFAR-10."""

    source: ClassVar[str] = (
        "K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016, table 1 (18-layer); "
        "first layers as in repository kuangliu/pytorch-cifar, which the data-free benchmarks use"
    )
    kind: Literal["resnet18"] = "resnet18"

    width: float = Field(default=1.0, ge=0.0625, le=2)
    """Factor of the channels of every layer against the published network, which has 64, 128, 256 and 512."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        return basic_resnet(sample, (2, 2, 2, 2), self.width)
