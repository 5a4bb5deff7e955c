"""The two networks that ncnn's table was measured on, declared layer by layer."""

from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layers import Add, BatchNorm2d, Conv2d, GlobalAvgPool, MaxPool2d, ReLU
from engine.models.sketch import Sketch

IMAGE = SampleSpec(kind="image", shape=(3, 224, 224), num_classes=1000)

INVERTED = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, repetitions and stride: Sandler et al., MobileNetV2, CVPR 2018, table 2."""

BOTTLENECKS = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Inner channels, repetitions and stride: He et al., Deep Residual Learning, CVPR 2016, table 1."""


def mobilenet_v2() -> Graph:
    """MobileNetV2 of width 1."""
    sketch = Sketch(IMAGE)
    _conv(sketch, "first", Conv2d(32, 3, stride=2, padding=1))
    channels, number = 32, 0
    for expansion, wanted, repetitions, stride in INVERTED:
        for place in range(repetitions):
            number, start, inner = number + 1, sketch.last, channels * expansion
            if expansion > 1:
                _conv(sketch, f"block{number}_expand", Conv2d(inner, 1))
            step = stride if place == 0 else 1
            _conv(sketch, f"block{number}_depth", Conv2d(inner, 3, stride=step, padding=1, groups=inner))
            _conv(sketch, f"block{number}_project", Conv2d(wanted, 1), is_linear=True)
            if place:
                sketch.add(f"block{number}_sum", Add(), sketch.last, start)
            channels = wanted
    _conv(sketch, "last", Conv2d(1280, 1))
    sketch.add("pool", GlobalAvgPool())
    return sketch.finish()


def resnet_50() -> Graph:
    """ResNet-50 with strides in the 3x3 convolutions."""
    sketch = Sketch(IMAGE)
    _conv(sketch, "first", Conv2d(64, 7, stride=2, padding=3))
    sketch.add("pool_first", MaxPool2d(3, stride=2, padding=1))
    number = 0
    for inner, repetitions, stride in BOTTLENECKS:
        for place in range(repetitions):
            number, shortcut, step = number + 1, sketch.last, stride if place == 0 else 1
            _conv(sketch, f"block{number}_in", Conv2d(inner, 1))
            _conv(sketch, f"block{number}_mid", Conv2d(inner, 3, stride=step, padding=1))
            body = _conv(sketch, f"block{number}_out", Conv2d(4 * inner, 1), is_linear=True)
            if place == 0:
                sketch.add(f"block{number}_short", Conv2d(4 * inner, 1, stride=step), shortcut)
                shortcut = sketch.add(f"block{number}_short_norm", BatchNorm2d())
            sketch.add(f"block{number}_sum", Add(), body, shortcut)
            sketch.add(f"block{number}_relu", ReLU())
    sketch.add("pool", GlobalAvgPool())
    return sketch.finish()


def _conv(sketch: Sketch, name: str, layer: Conv2d, *, is_linear: bool = False) -> str:
    """A convolution with normalization, and ReLU unless it is linear."""
    sketch.add(name, layer)
    last = sketch.add(f"{name}_norm", BatchNorm2d())
    return last if is_linear else sketch.add(f"{name}_relu", ReLU())
