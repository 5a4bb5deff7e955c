"""The network of depthwise-separable convolutions for phones and smaller things."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import BatchNorm2d, Conv2d, GlobalAvgPool, ReLU
from engine.models.model import Model, models
from engine.models.sketch import Sketch

BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
"""Channels at full width and stride of each depthwise-separable convolution."""


@models.register
class MobileNet(Model):
    """One 3x3 convolution and thirteen depthwise-separable ones: 7.49 million MACs on 3x96x96 at a quarter width.

    At that size and with two classes it is the visual wake words workload of MLPerf Tiny; padded alike on both sides.
    """

    source: ClassVar[str] = (
        "A. Howard et al., MobileNets, 2017, arXiv 1704.04861, table 1; width of C. Banbury et al., MLPerf Tiny "
        "Benchmark, NeurIPS 2021 Datasets and Benchmarks, table 1 (visual wake words)"
    )
    kind: Literal["mobilenet"] = "mobilenet"

    width: float = Field(default=0.25, ge=0.125, le=2)
    """Factor of the channels of every layer against the published network; 0.25 is that of MLPerf Tiny."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        sketch = Sketch(sample)
        channels = self._scaled(32)
        _conv(sketch, "1", Conv2d(channels, 3, stride=2, padding=1))
        for number, (wanted, stride) in enumerate(BLOCKS, start=1):
            _conv(sketch, f"{number}_depth", Conv2d(channels, 3, stride=stride, padding=1, groups=channels))
            channels = self._scaled(wanted)
            _conv(sketch, f"{number}_point", Conv2d(channels, 1))
        sketch.add("pool", GlobalAvgPool())
        return sketch.finish()

    def _scaled(self, channels: int) -> int:
        return round(self.width * channels)


def _conv(sketch: Sketch, name: str, layer: Conv2d) -> None:
    """A convolution with normalization and ReLU."""
    sketch.add(f"conv{name}", layer)
    sketch.add(f"norm{name}", BatchNorm2d())
    sketch.add(f"relu{name}", ReLU())
