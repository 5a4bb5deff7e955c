"""How students learn from a teacher whose outputs were computed once; torch lives here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.core.streams import stream
from engine.inference.nonn.settings import TransferSettings
from engine.inference.nonn.students import pooled
from engine.models.build import GraphModule
from engine.training.arrays import as_tensor, channels_last
from engine.training.augmentation import Augmentation, augmented
from engine.training.supervised import Batch, Lesson, Loss, rows_of_pass, steps_per_pass
from engine.training.supervised_settings import DescentSettings

AT_ONCE = 500
"""Samples that the teacher looks at, and that are augmented, at once: a fixed number, since other sums have other
bits."""


@dataclass(frozen=True)
class TeacherOutputs:
    """What a teacher makes of N samples.

    Attributes:
        filters: (N, C) float32, mean activation of each of its filters.
        logits: (N, K) float32.
    """

    filters: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True)
class TaughtBatch(Batch):
    """Samples of one step and what the teacher makes of them.

    Attributes:
        teacher_logits: (B, K).
        teacher_filters: (B, F), activations of the filters that students learn, in the order of the students.
        alive: (B, S) 1 where the last layer gets what a student sends, 0 where it must do without; None for all.
    """

    teacher_logits: Tensor
    teacher_filters: Tensor
    alive: Tensor | None = None


@dataclass
class TaughtSamples:
    """Samples in one or several views, each with the teacher's outputs, which are computed once.

    A view is the whole set augmented once; passes over the set take one view after the other. Without augmentation
    there is one view, the samples as they are.

    Attributes:
        x: (N, *sample.shape), standardized.
        y: (N,) labels.
        augment: random changes that make a view.
        seed: of the run.
        outputs: the teacher's, by view; filled in as they are computed.
    """

    x: np.ndarray
    y: np.ndarray
    augment: Sequence[Augmentation] = ()
    seed: int = 0
    outputs: list[TeacherOutputs] = field(default_factory=list)
    _shown: tuple[int, np.ndarray] | None = field(default=None, repr=False)

    def view(self, number: int) -> np.ndarray:
        """(N, *sample.shape) the samples of a view; the last one asked for is kept."""
        if not self.augment:
            return self.x
        if self._shown is None or self._shown[0] != number:
            parts = [
                augmented(self.augment, self.x[first : first + AT_ONCE], stream(self.seed, "view", number, first))
                for first in range(0, len(self.x), AT_ONCE)
            ]
            self._shown = number, np.concatenate(parts)
        return self._shown[1]


def teacher_outputs(teacher: GraphModule, x: np.ndarray) -> TeacherOutputs:
    """What a teacher in evaluation mode makes of samples (N, *sample.shape)."""
    filters, logits = [], []
    with torch.no_grad():
        for first in range(0, len(x), AT_ONCE):
            out, features = teacher.forward_with_features(channels_last(as_tensor(x[first : first + AT_ONCE])))
            filters.append(pooled(teacher.graph, features.numpy()))
            logits.append(out.numpy())
    return TeacherOutputs(np.concatenate(filters), np.concatenate(logits))


def lesson(
    samples: TaughtSamples,
    settings: DescentSettings,
    num_steps: int,
    order: Sequence[int],
    transfer: tuple[TransferSettings, Sequence[slice]],
) -> Lesson:
    """What students, or one student, are trained with.

    Args:
        samples: with the teacher's outputs.
        settings: the learning rule; its augmentations are those of the samples' views, so they are not used again.
        num_steps: all steps.
        order: filters of the teacher in the order of the students; empty for a model that learns no filters.
        transfer: weights of the terms, and the inputs of the last layer that each student sends.
    """
    weights, slices = transfer
    filters = np.array(order, dtype=np.int64)
    each_pass = steps_per_pass(len(samples.y), settings.batch_size)

    def batch(step: int) -> TaughtBatch:
        rows = rows_of_pass(samples.seed, step, len(samples.y), settings.batch_size)
        view = (step // each_pass) % len(samples.outputs)
        outputs = samples.outputs[view]
        return TaughtBatch(
            inputs=channels_last(torch.from_numpy(samples.view(view)[rows])),
            labels=torch.from_numpy(samples.y[rows]),
            teacher_logits=torch.from_numpy(outputs.logits[rows]),
            teacher_filters=torch.from_numpy(outputs.filters[rows][:, filters]),
            alive=_alive(weights.failout, (len(rows), len(slices)), stream(samples.seed, "failout", step)),
        )

    return Lesson(settings, num_steps, student_loss(weights, slices), batch, samples.seed)


def _alive(failout: float, shape: tuple[int, int], draw: np.random.Generator) -> Tensor | None:
    """Which students the last layer gets, sample by sample; a sample that would lose all of them loses none."""
    if failout == 0.0:
        return None
    alive = draw.random(shape) >= failout
    alive |= ~alive.any(axis=1, keepdims=True)
    return torch.from_numpy(alive.astype(np.float32))


def student_loss(settings: TransferSettings, slices: Sequence[slice]) -> Loss:
    """The loss of students by batch; a model that learns no filters has the terms of the logits alone."""

    def loss(module: GraphModule, batch: Batch, others: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        taught = cast(TaughtBatch, batch)
        logits, features = module.forward_with_features(taught.inputs)
        if taught.alive is not None:
            sizes = torch.tensor([place.stop - place.start for place in slices])
            head = cast(nn.Module, getattr(module, module.graph.output))
            logits = head(features * taught.alive.repeat_interleave(sizes, dim=1))
        return transfer_terms(logits, features, taught, settings)

    return loss


def transfer_terms(
    logits: Tensor, features: Tensor, batch: TaughtBatch, settings: TransferSettings
) -> dict[str, Tensor]:
    """The terms of the loss by name, each with its weight in it; those of weight 0 are left out.

    Vectors of activations are brought to length 1 all students together, not one by one.

    Args:
        logits: (B, K) of the students together.
        features: (B, F) what they send.
        batch: labels and the teacher's outputs.
        settings: weights and temperature.

    Source: Bhardwaj et al., NoNN, arXiv 1907.11804, section 4.3.
    """
    terms = {}
    if settings.label_weight and batch.labels is not None:
        terms["cross_entropy"] = settings.label_weight * functional.cross_entropy(logits, batch.labels)
    if settings.soft_weight:
        student = functional.log_softmax(logits / settings.temperature, dim=1)
        teacher = functional.log_softmax(batch.teacher_logits / settings.temperature, dim=1)
        divergence = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        terms["soft_targets"] = settings.soft_weight * divergence
    if settings.transfer_weight and batch.teacher_filters.shape[1]:
        apart = functional.normalize(features, dim=1) - functional.normalize(batch.teacher_filters, dim=1)
        terms["transfer"] = settings.transfer_weight * apart.square().sum(dim=1).mean()
    return terms
