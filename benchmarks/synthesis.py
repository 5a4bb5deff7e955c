"""How fast synthesizers make images: each against its plain textbook loop, alternating, and until a student knows.

    python -m benchmarks.synthesis [--quick] [--json [FILE]] [--write]

First, steps at CIFAR-10's size (3x32x32; teacher and student WRN-16-1, whose weights do not matter for time) are taken
in turn by the engine, by the plain loop, and by the plain loop of those who forget that the teacher's weights need no
gradient. Then teachers and students on digits, which are always there: seconds of a core until the student has learned
from synthetic images what is asked for, with either loop making them. ``--quick`` takes fewer steps and one seed.
``--write`` makes ``docs/results/synthesis-speed.md`` from the figures, which it records.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import _synthesis_page
from benchmarks._plain_synthesis import PlainGenerator, PlainPixels, PlainTeacher
from engine.commands.output import say, write_json
from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.dataset import Dataset, Split, datasets
from engine.data.datasets.digits import Digits
from engine.data.pixels import Pixels
from engine.data.store import DataStore
from engine.datafree.images.pixel_synthesizer import PixelSynthesizer
from engine.datafree.images.views import SynthesisView, TeacherView
from engine.datafree.metadata_kinds.activation_clusters import ActivationClusters
from engine.datafree.owner.metadata_file import MetadataFile
from engine.datafree.synthesizer import Synthesizer, synthesizers
from engine.models.build import GraphModule, build
from engine.models.graph import Graph
from engine.models.weights import initial
from engine.models.zoo.resnet8 import Resnet8
from engine.models.zoo.wide_resnet import WideResnet
from engine.runs.provenance import provenance

LARGE = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
LARGE_PIXELS = Pixels(mean=(0.49, 0.48, 0.45), std=(0.25, 0.24, 0.26))
BATCH = 64
TARGETS = (0.8, 0.9, 0.95)
STUDENT_STEPS, STUDENT_BATCH, STUDENT_LR, SOFTNESS = 40, 100, 0.05, 4.0
MOST_BATCHES = 8
"""Batches of 100 images after which a student that has not learned it is given up."""

SPEED_OF = {
    "dream_distillation": {}, "deep_inversion": {}, "adaptive_deep_inversion": {}, "dafl": {},
    "adversarial": {}, "adversarial with statistics": {"batch_norm": 1.0, "balance": 1.0}, "cmi": {}, "fast_dfkd": {},
}  # fmt: skip
"""What is measured, and what is set other than by default."""

STEPS_ON_DIGITS = {
    "dream_distillation": 100, "deep_inversion": 100, "adaptive_deep_inversion": 100, "cmi": 50,
}  # fmt: skip
"""Steps of a batch where the default is meant for larger images."""


@dataclass(frozen=True)
class World:
    """A trained teacher, its metadata and a student to be."""

    teacher: TeacherView
    weights: dict[str, Tensor]
    metadata: MetadataFile
    student: Graph

    def view(self, batch: int, seed: int, student: GraphModule) -> SynthesisView:
        """What a synthesizer sees."""
        return SynthesisView(self.teacher, student, self.metadata, self.student.sample, _no_pool, seed, batch)


def _no_pool(dataset: Dataset) -> np.ndarray:
    raise LookupError(f"these synthesizers read no other images, {dataset} neither")


class Own:
    """A synthesizer of the engine by the same three calls as the plain loops."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self.kept: Any = {}

    def begin(self, view: SynthesisView) -> None:
        """Start a batch."""
        self.view = view
        self.working = self.synthesizer.begin(view, view.batch, self.kept)

    def advance(self, first: int, count: int) -> None:
        """Some steps."""
        self.working, _ = self.synthesizer.advance(self.view, self.working, first, count)

    def finish(self) -> tuple[Tensor, Tensor]:
        """Images and labels."""
        done = self.synthesizer.finish(self.view, self.working)
        self.kept = done.kept
        return done.images, done.labels


def made(name: str, **fields: Any) -> Synthesizer:
    """A synthesizer by its name in the tables."""
    return synthesizers[name.partition(" ")[0]].model_validate({**SPEED_OF[name], **fields})


def plain(synthesizer: Synthesizer, world: World, *, freezes: bool = True) -> PlainPixels | PlainGenerator:
    """The textbook loop of a synthesizer."""
    teacher = PlainTeacher(world.teacher.graph, world.weights, freezes=freezes)
    cls = PlainPixels if isinstance(synthesizer, PixelSynthesizer) else PlainGenerator
    return cls(synthesizer, teacher)


def world_of(teacher: Graph, student: Graph, weights: dict[str, np.ndarray], pixels: Pixels, samples: Split) -> World:
    """The world of a teacher with these weights, whose metadata is made from these samples."""
    view = TeacherView(teacher, weights, pixels)
    collector = ActivationClusters(num_clusters=2, num_components=2, share=1.0)
    tensors = collector.collect(view, samples, stream(0, "metadata"))
    file = MetadataFile(collector, view.sha256, teacher.sample, len(samples.y), tensors)
    return World(view, {name: torch.tensor(value) for name, value in weights.items()}, file, student)


def network(graph: Graph, seed: int) -> GraphModule:
    """A network with the engine's initial weights."""
    module = build(graph)
    module.load_state_dict({name: torch.tensor(value) for name, value in initial(graph, seed).items()})
    return module


def large_world() -> World:
    """Untrained networks at CIFAR-10's size: only time is measured in it."""
    graph = WideResnet(depth=16, width=1).declare(LARGE)
    draw = stream(0, "samples")
    samples = Split(draw.normal(size=(200, *LARGE.shape)).astype(np.float32), np.arange(200) % 10)
    return world_of(graph, graph, initial(graph, 0), LARGE_PIXELS, samples)


def step_times(name: str, world: World, *, rounds: int, steps: int) -> dict[str, Any]:
    """CPU seconds of a step by the engine, by the plain loop and by the forgetful one, which take turns."""
    synthesizer = made(name, batch_size=BATCH)
    student = network(world.student, 1).eval().requires_grad_(False)
    loops = {
        "engine": Own(synthesizer),
        "plain": plain(synthesizer, world),
        "forgetful": plain(synthesizer, world, freezes=False),
    }
    seconds: dict[str, list[float]] = {loop: [] for loop in loops}
    for loop in loops.values():
        loop.begin(world.view(0, 0, student))
        loop.advance(0, 1)
    for turn in range(rounds):
        for kind, loop in loops.items():
            began = time.process_time()
            loop.advance(1 + turn * steps, steps)
            seconds[kind].append((time.process_time() - began) / steps)
    found = {kind: median(values) for kind, values in seconds.items()}
    ratios = [
        [slow / fast for slow, fast in zip(seconds[kind], seconds["engine"], strict=True)]
        for kind in ("plain", "forgetful")
    ]
    return {
        "synthesizer": name, "steps_per_batch": synthesizer.steps_per_batch, "step_s": found,
        "images_per_s": {kind: BATCH / (value * synthesizer.steps_per_batch) for kind, value in found.items()},
        "ratio": median(ratios[0]), "ratios": ratios[0], "ratio_forgetful": median(ratios[1]),
        "shares": profiled(loops["engine"], 1 + rounds * steps),
    }  # fmt: skip


GROUPS = {
    "convolution": ("conv", "mkldnn"),
    "matrix product": ("addmm", "aten::mm", "matmul"),
    "normalization": ("batch_norm", "var_mean"),
    "optimizer": ("fused_adam", "lerp", "addcdiv"),
}


def profiled(loop: Any, step: int) -> dict[str, float]:
    """Shares of CPU time of one step by kind of operator, from torch's profiler."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        loop.advance(step, 1)
    shares = dict.fromkeys((*GROUPS, "other"), 0.0)
    for event in profiler.key_averages():
        group = next((group for group, parts in GROUPS.items() if any(part in event.key for part in parts)), "other")
        shares[group] += event.self_cpu_time_total
    total = sum(shares.values())
    return {group: value / total for group, value in shares.items()}


def digits_world(seed: int) -> tuple[World, Split]:
    """A teacher that was trained on digits for some seconds, and the test samples."""
    dataset, store = datasets["digits"](), DataStore.from_environment()
    train, test = dataset.load(store, "train"), dataset.load(store, "test")
    graph = WideResnet(depth=10, width=1).declare(dataset.sample())
    module = network(graph, seed)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    x, y, draw = torch.tensor(train.x), torch.tensor(train.y), stream(seed, "teacher")
    module.train()
    for _ in range(10):
        for rows in torch.split(torch.from_numpy(draw.permutation(len(y))), 50):
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(module(x[rows]), y[rows]))
            optimizer.step()
    weights = {name: value.detach().numpy().copy() for name, value in module.state_dict().items()}
    pixels = Digits().pixels()
    return world_of(graph, Resnet8().declare(dataset.sample()), weights, pixels, train), test


@dataclass
class Pupil:
    """A student that learns from a growing bank of images by soft targets; the same for both loops."""

    world: World
    seed: int

    def __post_init__(self) -> None:
        self.module = network(self.world.student, self.seed + 1)
        self.optimizer = torch.optim.SGD(self.module.parameters(), lr=STUDENT_LR, momentum=0.9, weight_decay=5e-4)
        self.images, self.logits = torch.zeros(0), torch.zeros(0)
        self.draw = stream(self.seed, "pupil")

    def frozen(self) -> GraphModule:
        """The student as synthesizers see it."""
        return self.module.eval().requires_grad_(False)

    def learn(self, images: Tensor) -> None:
        """Take new images into the bank and some steps on all of them."""
        with torch.no_grad():
            logits = self.world.teacher.forward(images, batch_norm=False).logits
        self.images = torch.cat([self.images, images]) if len(self.images) else images
        self.logits = torch.cat([self.logits, logits]) if len(self.logits) else logits
        self.module.train().requires_grad_(True)
        for _ in range(STUDENT_STEPS):
            rows = torch.from_numpy(self.draw.integers(0, len(self.images), STUDENT_BATCH))
            soft = [
                functional.log_softmax(z / SOFTNESS, 1) for z in (self.module(self.images[rows]), self.logits[rows])
            ]
            self.optimizer.zero_grad()
            loss = functional.kl_div(soft[0], soft[1], reduction="batchmean", log_target=True) * SOFTNESS**2
            torch.autograd.backward(loss)
            self.optimizer.step()

    def accuracy(self, test: Split) -> float:
        """Share of test samples that it gets right."""
        with torch.no_grad():
            right = self.frozen()(torch.tensor(test.x)).argmax(1) == torch.tensor(test.y)
        return float(right.float().mean())


def learning(name: str, world: World, test: Split, seed: int) -> dict[str, Any]:
    """CPU seconds until the student of either loop has reached each target."""
    fields = {"steps": STEPS_ON_DIGITS[name]} if name in STEPS_ON_DIGITS else {}
    synthesizer = made(name, batch_size=100, **fields)
    loops: dict[str, Any] = {"engine": Own(synthesizer), "plain": plain(synthesizer, world)}
    pupils = {kind: Pupil(world, seed) for kind in loops}
    found: dict[str, Any] = {
        kind: {"images_s": 0.0, "student_s": 0.0, "best": 0.0, "reached": {}} for kind in loops
    }  # fmt: skip
    for batch in range(MOST_BATCHES):
        for kind, loop in loops.items():
            row, pupil = found[kind], pupils[kind]
            if str(TARGETS[-1]) in row["reached"]:
                continue
            began = time.process_time()
            loop.begin(world.view(batch, seed, pupil.frozen()))
            loop.advance(0, synthesizer.steps_per_batch)
            images, _ = loop.finish()
            middle = time.process_time()
            pupil.learn(images)
            row["images_s"] += middle - began
            row["student_s"] += time.process_time() - middle
            row["num_images"] = len(pupil.images)
            accuracy = pupil.accuracy(test)
            row["best"] = max(row["best"], accuracy)
            for target in TARGETS:
                if accuracy >= target:
                    row["reached"].setdefault(str(target), row["images_s"] + row["student_s"])
    return {"synthesizer": name, "seed": seed, "steps": synthesizer.steps_per_batch, **found}


def learned(seeds: Sequence[int], progress: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Every synthesizer on digits, for each seed."""
    for seed in seeds:
        world, test = digits_world(seed)
        for name in SPEED_OF:
            progress(f"digits, seed {seed}: {name}")
            yield learning(name, world, test, seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write what is asked for."""
    parser = argparse.ArgumentParser(prog="edgeloom bench synthesis", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps, and one seed")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the figures as JSON")
    parser.add_argument("--write", action="store_true", help="record the figures and write the page of results")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)

    def progress(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    world, rows = large_world(), []
    for name in SPEED_OF:
        progress(f"steps: {name}")
        rows.append(step_times(name, world, rounds=3 if options.quick else 7, steps=2))
    tree: dict[str, Any] = {
        "provenance": provenance(), "torch": torch.__version__, "batch": BATCH, "steps": rows,
        "learning": list(learned([0] if options.quick else [0, 1, 2], progress)),
        "load": os.getloadavg()[2],
    }  # fmt: skip
    if options.json:
        write_json(tree, options.json)
    if options.json != "-":
        say(_synthesis_page.text_of(tree))
    if options.write:
        _synthesis_page.DATA.write_text(json.dumps(tree, indent=1) + "\n")
        _synthesis_page.write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
