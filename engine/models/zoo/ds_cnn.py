"""The depthwise-separable network for keyword spotting."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import BatchNorm2d, Conv2d, GlobalAvgPool, ReLU
from engine.models.model import Model, models
from engine.models.sketch import Sketch


@models.register
class DsCnn(Model):
    """One 10x4 convolution and four depthwise-separable ones: 23,756 parameters, 2.66 million MACs on 1x49x10 sounds.

    The keyword spotting workload of MLPerf Tiny, which counts the 1,152 running statistics too (24,908); without its
    dropout, and padded alike on both sides. Input is a spectrogram (1, time, bands) or an image.
    """

    source: ClassVar[str] = (
        "Y. Zhang et al., Hello Edge: Keyword Spotting on Microcontrollers, 2017, arXiv 1711.07128, section 3.5; sizes "
        "of C. Banbury et al., MLPerf Tiny Benchmark, NeurIPS 2021"
    )
    kind: Literal["ds_cnn"] = "ds_cnn"

    channels: int = Field(default=64, ge=1, le=1024)
    """Channels of every convolution."""

    num_blocks: int = Field(default=4, ge=1, le=16)
    """Number of depthwise-separable convolutions."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        sketch = Sketch(sample)
        _conv(sketch, "1", Conv2d(self.channels, (10, 4), stride=2, padding=(5, 1)))
        for number in range(1, self.num_blocks + 1):
            _conv(sketch, f"{number}_depth", Conv2d(self.channels, 3, padding=1, groups=self.channels))
            _conv(sketch, f"{number}_point", Conv2d(self.channels, 1))
        sketch.add("pool", GlobalAvgPool())
        return sketch.finish()


def _conv(sketch: Sketch, name: str, layer: Conv2d) -> None:
    """A convolution with normalization and ReLU."""
    sketch.add(f"conv{name}", layer)
    sketch.add(f"norm{name}", BatchNorm2d())
    sketch.add(f"relu{name}", ReLU())
