"""The small residual network of MLPerf Tiny."""

from typing import ClassVar, Literal

from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import Add, BatchNorm2d, Conv2d, GlobalAvgPool, ReLU
from engine.models.model import Model, models
from engine.models.sketch import Sketch

STACKS = ((16, 1), (32, 2), (64, 2))
"""Channels and stride of each residual block."""


@models.register
class Resnet8(Model):
    """Three residual blocks of 16, 32 and 64 channels: 78,186 parameters and 12.5 million MACs on 3x32x32.

    The image classification workload of MLPerf Tiny, which counts the 480 running statistics too (78,666). Where the
    size changes, the shortcut is a 1x1 convolution.
    """

    source: ClassVar[str] = (
        "C. Banbury et al., MLPerf Tiny Benchmark, NeurIPS 2021 Datasets and Benchmarks, table 1 "
        "(image classification), and its reference code"
    )
    kind: Literal["resnet8"] = "resnet8"

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        sketch = Sketch(sample)
        sketch.add("conv1", Conv2d(16, 3, padding=1))
        sketch.add("norm1", BatchNorm2d())
        sketch.add("relu1", ReLU())
        for number, (channels, stride) in enumerate(STACKS, start=1):
            _block(sketch, f"block{number}", channels, stride)
        sketch.add("pool", GlobalAvgPool())
        return sketch.finish()


def _block(sketch: Sketch, name: str, channels: int, stride: int) -> None:
    """Two 3x3 convolutions beside a shortcut."""
    shortcut = sketch.last
    sketch.add(f"{name}_conv1", Conv2d(channels, 3, stride=stride, padding=1))
    sketch.add(f"{name}_norm1", BatchNorm2d())
    sketch.add(f"{name}_relu1", ReLU())
    sketch.add(f"{name}_conv2", Conv2d(channels, 3, padding=1))
    body = sketch.add(f"{name}_norm2", BatchNorm2d())
    if stride > 1:
        shortcut = sketch.add(f"{name}_shortcut", Conv2d(channels, 1, stride=stride), shortcut)
    sketch.add(f"{name}_sum", Add(), body, shortcut)
    sketch.add(f"{name}_relu2", ReLU())
