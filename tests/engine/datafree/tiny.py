"""A tiny teacher with BatchNorm layers, a student, and what synthesizers see of them."""

import numpy as np
import torch

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.pixels import Pixels
from engine.datafree.images.views import SynthesisView, TeacherView
from engine.models.build import GraphModule, build
from engine.models.graph import Graph, chain
from engine.models.layers import BatchNorm2d, Conv2d, Flatten, Linear, ReLU
from engine.models.weights import initial

SAMPLE = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=10)
PIXELS = Pixels(mean=(0.3,), std=(0.4,), largest=16)


def graph(channels: int = 4, *, norm: bool = True) -> Graph:
    """A convolution of stride 2, BatchNorm if wanted, and a classifier."""
    layers = [("conv1", Conv2d(channels, 3, stride=2, padding=1, bias=True))]
    if norm:
        layers.append(("norm1", BatchNorm2d()))
    return chain(SAMPLE, [*layers, ("relu1", ReLU()), ("flat", Flatten()), ("out", Linear(10))])


def weights(of: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Initial weights, with statistics that are not 0 and 1, and predictions that are not all even."""
    found = initial(of, seed)
    draw = stream(seed, "statistics")
    found["out.weight"] *= 8
    for name, value in found.items():
        if name.endswith("running_var"):
            found[name] = draw.uniform(0.5, 2.0, value.shape).astype(np.float32)
        elif name.endswith("running_mean"):
            found[name] = draw.normal(0.0, 0.3, value.shape).astype(np.float32)
    return found


def student(seed: int = 5) -> GraphModule:
    """A narrower network, in evaluation mode, without gradients of its weights."""
    made = build(graph(2))
    made.load_state_dict({name: torch.tensor(value) for name, value in weights(graph(2), seed).items()})
    made.eval().requires_grad_(False)
    return made


def teacher(*, norm: bool = True) -> TeacherView:
    return TeacherView(graph(norm=norm), weights(graph(norm=norm)), PIXELS)


def view(batch: int = 0, *, norm: bool = True) -> SynthesisView:
    return SynthesisView(teacher(norm=norm), student(), None, SAMPLE, lambda dataset: np.zeros(0), 3, batch)
