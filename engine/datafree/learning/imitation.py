"""The losses by which a student imitates a teacher, in torch."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from engine.datafree.distiller import DistillView


def soft_target_terms(view: DistillView, temperature: float, alpha: float) -> dict[str, Tensor]:
    """Cross entropy with the label, and the teacher's softened probabilities; a term of weight 0 is left out.

    ``(1 - alpha) CE(z_S, y) + alpha T^2 KL(p_T^(T) || p_S^(T))``, means over the batch; y is the label of the view, or
    else the teacher's most probable class.

    Source: G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network, 2015, arXiv 1503.02531,
    section 2, which names the factor T^2: gradients of soft targets shrink as 1 / T^2.
    """
    terms = {}
    if alpha < 1:
        labels = view.teacher_logits.argmax(dim=1) if view.labels is None else view.labels
        terms["cross_entropy"] = (1 - alpha) * functional.cross_entropy(view.student_logits, labels)
    if alpha > 0:
        student = functional.log_softmax(view.student_logits / temperature, dim=1)
        teacher = functional.log_softmax(view.teacher_logits / temperature, dim=1)
        divergence = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        terms["soft_targets"] = alpha * temperature**2 * divergence
    return terms


def attention_distance(pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """How far the student's attention is from the teacher's, summed over pairs of maps (B, C, H, W) of one size.

    The attention of a map is the mean over channels of its squares, as a vector of length 1 per image; the distance is
    the mean of squared differences over pixels and images.
    """
    distances = [(_attention(student) - _attention(teacher)).square().mean() for student, teacher in pairs]
    return torch.stack(distances).sum()


def _attention(maps_BCHW: Tensor) -> Tensor:
    return functional.normalize(maps_BCHW.square().mean(dim=1).flatten(1), dim=1)


def feature_distance(view: DistillView) -> Tensor:
    """Half the mean squared difference between the teacher's features and a linear map of the student's.

    The map is ``adapters["weight"]`` (d_t, d_s) and ``adapters["bias"]`` (d_t,).
    """
    regressed = functional.linear(view.student_features, view.adapters["weight"], view.adapters["bias"])
    return 0.5 * functional.mse_loss(regressed, view.teacher_features)
