"""Wide residual networks, the teachers and students of the compression literature."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import Add, BatchNorm2d, Conv2d, GlobalAvgPool, ReLU
from engine.models.model import Model, models
from engine.models.sketch import Sketch


@models.register
class WideResnet(Model):
    """Wide residual network WRN-depth-width: three groups of 16, 32 and 64 times ``width`` channels.

    Variant ``standard`` is that of the paper: no bias in convolutions, the first one of a group halves the size.
    Variant ``nonn_framework`` is that of the NoNN authors' code: convolutions with bias, and the second one halves it.
    On CIFAR-10, WRN-16-1 has 175,066 or 175,626 parameters and WRN-40-4 has 8,949,210 or 8,955,050.
    """

    source: ClassVar[str] = (
        "S. Zagoruyko, N. Komodakis, Wide Residual Networks, BMVC 2016, table 1; variant nonn_framework: repository "
        "SLDGroup/NoNN_framework"
    )
    kind: Literal["wide_resnet"] = "wide_resnet"

    depth: int = Field(default=16, ge=10, le=124)
    """Number of convolutions on the longest path, 6 n + 4 with n blocks per group: 10, 16, 22, 28, 34, 40 ..."""

    width: int = Field(default=1, ge=1, le=20)
    """Factor on the number of channels."""

    variant: Literal["standard", "nonn_framework"] = "standard"
    """Which code the network follows."""

    @field_validator("depth")
    @classmethod
    def _has_whole_blocks(cls, depth: int) -> int:
        if (depth - 4) % 6:
            raise ValueError(f"must be 6 n + 4 (10, 16, 22, 28, 34, 40, ...); {depth} was given")
        return depth

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        sketch = Sketch(sample)
        sketch.add("conv1", self._conv(16, 3))
        channels = 16
        for group, base in enumerate((16, 32, 64), start=1):
            for block in range(1, (self.depth - 4) // 6 + 1):
                stride = 2 if group > 1 and block == 1 else 1
                self._block(sketch, f"group{group}_block{block}", (channels, base * self.width), stride)
                channels = base * self.width
        sketch.add("norm", BatchNorm2d())
        sketch.add("relu", ReLU())
        sketch.add("pool", GlobalAvgPool())
        return sketch.finish()

    def _block(self, sketch: Sketch, name: str, channels: tuple[int, int], stride: int) -> None:
        """Normalization and ReLU before each of two convolutions; the shortcut is a 1x1 one where channels change."""
        before, after = channels
        strides = (stride, 1) if self.variant == "standard" else (1, stride)
        entry = sketch.last
        sketch.add(f"{name}_norm1", BatchNorm2d())
        active = sketch.add(f"{name}_relu1", ReLU())
        sketch.add(f"{name}_conv1", self._conv(after, 3, strides[0]))
        sketch.add(f"{name}_norm2", BatchNorm2d())
        sketch.add(f"{name}_relu2", ReLU())
        body = sketch.add(f"{name}_conv2", self._conv(after, 3, strides[1]))
        if before != after:
            entry = sketch.add(f"{name}_shortcut", self._conv(after, 1, stride), active)
        sketch.add(f"{name}_sum", Add(), body, entry)

    def _conv(self, channels: int, size: int, stride: int = 1) -> Conv2d:
        return Conv2d(channels, size, stride=stride, padding=size // 2, bias=self.variant == "nonn_framework")
