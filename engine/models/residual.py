"""The residual networks with four groups of basic blocks, in the form for small pictures."""

from collections.abc import Sequence

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import Add, BatchNorm2d, Conv2d, GlobalAvgPool, ReLU
from engine.models.sketch import Sketch

CHANNELS = (64, 128, 256, 512)
"""Channels of each group at full width."""


def basic_resnet(sample: SampleSpec, blocks: Sequence[int], width: float) -> Graph:
    """A first 3x3 convolution that keeps the size of the picture, then four groups of blocks of two 3x3 convolutions.

    Each group but the first halves height and width; where size or channels change, the shortcut is a 1x1 convolution
    with normalization (option B of the paper).

    Args:
        sample: shape and meaning of the input.
        blocks: number of blocks of each of the four groups.
        width: factor of the channels of every layer.
    """
    sketch = Sketch(sample)
    before = scaled(CHANNELS[0], width)
    _conv(sketch, "1", Conv2d(before, 3, padding=1, bias=False))
    sketch.add("relu1", ReLU())
    for group, (full, count) in enumerate(zip(CHANNELS, blocks, strict=True), start=1):
        after = scaled(full, width)
        for block in range(1, count + 1):
            stride = 2 if group > 1 and block == 1 else 1
            _block(sketch, f"group{group}_block{block}", (before, after), stride)
            before = after
    sketch.add("pool", GlobalAvgPool())
    return sketch.finish()


def scaled(channels: int, width: float) -> int:
    """Channels of a layer at a width, at least one."""
    return max(1, round(width * channels))


def _block(sketch: Sketch, name: str, channels: tuple[int, int], stride: int) -> None:
    before, after = channels
    entry = sketch.last
    _conv(sketch, f"{name}_1", Conv2d(after, 3, stride=stride, padding=1, bias=False))
    sketch.add(f"{name}_relu1", ReLU())
    body = _conv(sketch, f"{name}_2", Conv2d(after, 3, padding=1, bias=False))
    if before != after or stride > 1:
        entry = _conv(sketch, f"{name}_shortcut", Conv2d(after, 1, stride=stride, bias=False), entry)
    sketch.add(f"{name}_sum", Add(), body, entry)
    sketch.add(f"{name}_relu2", ReLU())


def _conv(sketch: Sketch, name: str, layer: Conv2d, *inputs: str) -> str:
    """A convolution with normalization; gives the name of the latter."""
    sketch.add(f"conv_{name}", layer, *inputs)
    return sketch.add(f"norm_{name}", BatchNorm2d())
