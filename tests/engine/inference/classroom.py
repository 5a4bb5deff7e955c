"""A teacher of the digits with 48 filters, trained in seconds, small students, and filter networks of blocks."""

from functools import cache

import numpy as np

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.dataset import Split, datasets
from engine.data.store import DataStore
from engine.datafree.learning.lessons import cross_entropy
from engine.inference.nonn.filters import FilterNetwork
from engine.inference.nonn.lessons import TaughtSamples, teacher_outputs
from engine.models.graph import Graph
from engine.models.layers import BatchNorm2d, Conv2d, GlobalAvgPool, MaxPool2d, ReLU
from engine.models.sketch import Sketch
from engine.models.weights import initial
from engine.training.supervised import Lesson, Samples, Trainer, rows_of_pass
from engine.training.supervised_settings import DescentSettings

SAMPLE = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=10)


def net(*channels: int) -> Graph:
    """Convolutions with normalization, each but the last followed by pooling."""
    sketch = Sketch(SAMPLE)
    for number, count in enumerate(channels, start=1):
        sketch.add(f"conv{number}", Conv2d(count, 3, padding=1, bias=False))
        sketch.add(f"norm{number}", BatchNorm2d())
        sketch.add(f"relu{number}", ReLU())
        if number < len(channels):
            sketch.add(f"maxpool{number}", MaxPool2d(2))
    sketch.add("pool", GlobalAvgPool())
    return sketch.finish()


TEACHER = net(32, 48)
STUDENT = net(8, 12)


@cache
def digits(split: str) -> Split:
    return datasets["digits"]().load(DataStore.from_environment(), split)


def rule(**fields) -> DescentSettings:
    return DescentSettings(optimizer="adam", lr=0.01, batch_size=64, weight_decay=0.0, **fields)


@cache
def teacher():
    """The trained teacher, in evaluation mode."""
    train, trainer, num_steps = digits("train"), Trainer(TEACHER), 110
    samples = Samples(train.x, train.y)

    def batch(step: int):
        return samples.batch(rows_of_pass(0, step, len(train), 64), rule(), stream(0, "augment", step))

    taught = Lesson(rule(), num_steps, cross_entropy(0.0), batch)
    arrays, _ = trainer.advance(trainer.begin(initial(TEACHER, 0), rule()), taught, range(num_steps))
    return trainer.look(arrays)


def taught(split: str = "train", seed: int = 0) -> TaughtSamples:
    """Samples with the teacher's outputs."""
    part = digits(split)
    return TaughtSamples(part.x, part.y, (), seed, [outputs(split)])


@cache
def outputs(split: str):
    return teacher_outputs(teacher(), digits(split).x)


def accuracy(logits: np.ndarray, split: str = "test") -> float:
    return float((logits.argmax(axis=1) == digits(split).y).mean())


def blocks(sizes: list[int], alone: int = 0, seed: int = 0) -> FilterNetwork:
    """Blocks of filters with links of 1 within them and of 0.01 to a ring between, and filters alone at the end."""
    count = sum(sizes) + alone
    weights = np.zeros((count, count))
    start = 0
    for size in sizes:
        weights[start : start + size, start : start + size] = 1 + 0.1 * stream(seed, start).random((size, size))
        start += size
    for first in range(start):
        weights[first, (first + 1) % start] += 0.01
    weights = (weights + weights.T) / 2
    np.fill_diagonal(weights, 0.0)
    return FilterNetwork(weights, np.zeros((count, 2)), percentile=0.0)
