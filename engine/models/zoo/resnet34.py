"""The residual network of thirty-four layers, for small pictures."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.model import Model, models
from engine.models.residual import basic_resnet


@models.register
class Resnet34(Model):
    """ResNet-34 in its form for CIFAR: a first 3x3 convolution without pooling; 21,282,122 parameters on CIFAR-10."""

    source: ClassVar[str] = (
        "K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016, table 1 (34-layer); "
        "first layers as in repository kuangliu/pytorch-cifar, which the data-free benchmarks use"
    )
    kind: Literal["resnet34"] = "resnet34"

    width: float = Field(default=1.0, ge=0.0625, le=2)
    """Factor of the channels of every layer against the published network, which has 64, 128, 256 and 512."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        return basic_resnet(sample, (3, 4, 6, 3), self.width)
