"""What each contender learns from: samples, labels or a teacher, and a learning rule; torch lives here."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.core.streams import stream
from engine.data.pixels import Pixels
from engine.datafree.distiller import Distiller, DistillView
from engine.datafree.images.pools import bank_of, noise_pool, other_pool
from engine.datafree.world import World
from engine.models.build import GraphModule
from engine.task.contract import State
from engine.training.supervised import Batch, Lesson, Loss, Samples, rows_of_pass, rows_with_return
from engine.training.supervised_settings import DescentSettings


def lesson_of(world: World, state: State, contender: str, num_steps: int, num_batches: int) -> Lesson:
    """What a contender is trained with.

    Args:
        world: data and networks.
        state: with the teacher, where there is one by now, and the images so far.
        contender: its name.
        num_steps: all steps of its training.
        num_batches: batches of images that the student draws from.
    """
    settings: DescentSettings = world.task.distillation
    if contender == "teacher":
        settings = world.teacher_training
        loss = cross_entropy(world.teacher_training.label_smoothing)
    elif contender == "oracle":
        loss = cross_entropy(0.0)
    else:
        teacher = world.module("teacher", world.teacher_graph, world.weights(state, "teacher"))
        loss = distillation(world.task.distiller, teacher)
    samples = samples_of(world, state, contender, num_batches)
    grows = contender == "student" and world.is_interleaved
    rows = rows_with_return if grows else rows_of_pass
    return Lesson(settings, num_steps, loss, _batches(samples, settings, rows, world.context.seed), world.context.seed)


def _batches(
    samples: Samples, settings: DescentSettings, rows: Callable[[int, int, int, int], np.ndarray], seed: int
) -> Callable[[int], Batch]:
    def batch(step: int) -> Batch:
        chosen = rows(seed, step, len(samples), settings.batch_size)
        return samples.batch(chosen, settings, stream(seed, "augment", step))

    return batch


def samples_of(world: World, state: State, contender: str, num_batches: int) -> Samples:
    """The samples that a contender learns from; labels only where they are the private ones."""
    match contender:
        case "student":
            images, _ = bank_of(world, state, num_batches)
            return Samples(images, None, standardizer(world.pixels))
        case "noise":
            return Samples(noise_pool(world), None, standardizer(world.pixels))
        case "out_of_domain":
            return Samples(other_pool(world), None, standardizer(world.pixels))
        case _:
            return Samples(world.train.x, world.train.y)


def standardizer(pixels: Pixels) -> Callable[[np.ndarray], np.ndarray]:
    """Makes standardized images of bytes, whatever range the raw ones of the data set have."""
    return Pixels(pixels.mean, pixels.std).standardized


def cross_entropy(label_smoothing: float) -> Loss:
    """Cross entropy with the labels."""

    def loss(module: GraphModule, batch: Batch, others: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        assert batch.labels is not None
        logits = module(batch.inputs)
        return {"cross_entropy": functional.cross_entropy(logits, batch.labels, label_smoothing=label_smoothing)}

    return loss


def distillation(distiller: Distiller, teacher: GraphModule) -> Loss:
    """What a distiller makes of student and teacher."""

    def loss(module: GraphModule, batch: Batch, others: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        with torch.no_grad():
            right = teacher.forward_with_maps(batch.inputs) if distiller.needs_maps else None
            teacher_logits, teacher_features = right[:2] if right else teacher.forward_with_features(batch.inputs)
        left = module.forward_with_maps(batch.inputs) if distiller.needs_maps else None
        logits, features = left[:2] if left else module.forward_with_features(batch.inputs)
        return distiller.loss(
            DistillView(
                student_logits=logits, teacher_logits=teacher_logits,
                student_features=features, teacher_features=teacher_features,
                student_maps=left.maps if left else {}, teacher_maps=right.maps if right else {},
                adapters=others, labels=batch.labels,
            )
        )  # fmt: skip

    return loss
