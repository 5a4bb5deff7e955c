"""A tiny teacher of images, and views of it."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.dataset import Dataset, Split
from engine.data.pixels import Pixels
from engine.datafree.images.views import SynthesisView, TeacherView
from engine.datafree.metadata import CollectedMetadata
from engine.datafree.owner.metadata_file import MetadataFile
from engine.datafree.synthesizer import Finished, Synthesizer
from engine.models.build import GraphModule, build
from engine.models.graph import Graph, Node
from engine.models.layers import BatchNorm2d, Conv2d, GlobalAvgPool, Linear, ReLU
from engine.models.weights import initial

SAMPLE = SampleSpec(kind="image", shape=(2, 8, 8), num_classes=3)
PIXELS = Pixels(mean=(0.3, 0.5), std=(0.3, 0.2))


def graph(*, norms: bool = True, width: int = 6) -> Graph:
    """Two convolutions with a jump of resolution, with or without BatchNorm."""
    nodes = [Node("conv1", Conv2d(out_channels=width, kernel_size=3, padding=1, bias=not norms), ("input",))]
    nodes += [Node("norm1", BatchNorm2d(), (nodes[-1].name,))] if norms else []
    nodes += [Node("relu1", ReLU(), (nodes[-1].name,))]
    nodes += [Node("conv2", Conv2d(out_channels=width, kernel_size=3, stride=2, padding=1, bias=not norms), ("relu1",))]
    nodes += [Node("norm2", BatchNorm2d(), (nodes[-1].name,))] if norms else []
    nodes += [Node("relu2", ReLU(), (nodes[-1].name,)), Node("pool", GlobalAvgPool(), ("relu2",))]
    nodes += [Node("fc", Linear(out_features=3), ("pool",))]
    return Graph(SAMPLE, tuple(nodes), output="fc", features="pool")


def weights(of: Graph, seed: int = 1) -> dict[str, np.ndarray]:
    """Initial weights with running statistics that are not those of a fresh model."""
    found, draw = initial(of, seed), stream(seed, "statistics")
    for name, array in found.items():
        if name.endswith("running_mean"):
            found[name] = draw.normal(0.0, 0.3, array.shape).astype(np.float32)
        if name.endswith("running_var"):
            found[name] = draw.uniform(0.3, 2.0, array.shape).astype(np.float32)
    return found


@lru_cache(maxsize=4)
def teacher(*, norms: bool = True) -> TeacherView:
    """The view of that model."""
    shape = graph(norms=norms)
    return TeacherView(shape, weights(shape), PIXELS)


def samples(count: int = 180, seed: int = 5) -> Split:
    """Random images whose classes differ in brightness, within the valid range."""
    draw = stream(seed, "samples")
    y = np.arange(count) % 3
    raw = draw.integers(0, 120, (count, *SAMPLE.shape)) + 60 * y[:, np.newaxis, np.newaxis, np.newaxis]
    return Split(PIXELS.standardized(raw), y.astype(np.int64))


@lru_cache(maxsize=1)
def student() -> GraphModule:
    """Another model of such images, in evaluation mode."""
    shape = graph(norms=False, width=4)
    module = build(shape)
    module.load_state_dict({name: torch.tensor(array) for name, array in weights(shape, 2).items()})
    return module.eval().requires_grad_(False)


def collected(settings: CollectedMetadata) -> MetadataFile:
    """Metadata of the tiny teacher."""
    view, split = teacher(), samples()
    arrays = settings.collect(view, split, stream(3, "metadata"))
    return MetadataFile(settings, view.sha256, SAMPLE, len(split), arrays)


def view(of: Synthesizer, file: MetadataFile | None, batch: int = 0, seed: int = 9) -> SynthesisView:
    """What a synthesizer sees in a batch."""
    learner = student() if of.is_interleaved else None
    return SynthesisView(teacher(), learner, file, SAMPLE, pool, seed, batch)


def pool(dataset: Dataset) -> np.ndarray:
    """Random images in the form of that data set."""
    shape = (dataset.num_samples("train"), *dataset.sample().shape)
    return np.broadcast_to(stream(4, "pool").random(shape[1:], dtype=np.float32), shape)


def batches(of: Synthesizer, file: MetadataFile | None, cuts: Mapping[int, list[int]], seed: int = 9) -> list[Finished]:
    """Finished batches; each is advanced in chunks of the numbers of steps that are given for it."""
    kept: Mapping[str, torch.Tensor] = {}
    done = []
    for batch, chunks in cuts.items():
        seen = view(of, file, batch, seed)
        working, first = of.begin(seen, batch, kept), 0
        for count in chunks:
            working = through_arrays(of.advance(seen, working, first, count)[0])
            first += count
        done.append(of.finish(seen, working))
        kept = done[-1].kept
    return done


def through_arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same numbers in fresh memory, as a checkpoint leaves them."""
    return {name: torch.tensor(np.array(tensor.detach().numpy(), order="C")) for name, tensor in tensors.items()}
