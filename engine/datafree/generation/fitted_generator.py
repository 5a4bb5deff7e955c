"""A generator that is fitted, together with the codes, to one batch of images with wanted labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.datafree.generation.free_generator import BETAS, WEIGHTS
from engine.datafree.generation.generating import Generator, Means, flat_gradient, stored, trained_of
from engine.datafree.generation.generator_terms import disagreement
from engine.datafree.images.terms import batch_norm_term
from engine.datafree.images.views import Seen, SynthesisView, student_of
from engine.datafree.learning.adam import Trained, adam_

CODES, LABELS = "codes", "labels"


@dataclass(frozen=True)
class Fit:
    """What the loss of one step is made from.

    Attributes:
        images: (B, C, H, W), with gradient.
        labels: (B,), wanted classes.
        step: number of the step within the batch.
    """

    images: Tensor
    labels: Tensor
    step: int


Terms = Callable[[Fit], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Rates:
    """Step sizes of Adam for the generator's weights, the codes and further tensors."""

    weights: float
    codes: float
    further: float = 0.0


def begun(made: Generator, view: SynthesisView, flat: Tensor, batch_size: int) -> dict[str, Tensor]:
    """Working tensors of a batch: a copy of the generator, new codes and balanced labels, and no past of either."""
    codes = view.normal((batch_size, made.settings.latent_size), "codes")
    return {
        **stored(WEIGHTS, Trained.fresh(flat.clone())),
        **stored(CODES, Trained.fresh(codes)),
        LABELS: view.batch_labels(batch_size),
    }


def advanced(
    made: Generator, working: Mapping[str, Tensor], span: range, *, rates: Rates, terms: Terms,
    further: Mapping[str, Trained] | None = None, past: int = 0,
) -> tuple[dict[str, Tensor], dict[str, float], Tensor]:  # fmt: skip
    """The working tensors after some steps, the mean of each term, and the last gradient by the generator's weights.

    Args:
        made: the generator.
        working: tensors before; not written to.
        span: numbers of the steps within the batch.
        rates: step sizes.
        terms: the loss.
        further: tensors that the loss reads and that are trained with it, by name; changed in place.
        past: steps that the further tensors made in earlier batches.
    """
    generator, codes, means = trained_of(working, WEIGHTS), trained_of(working, CODES), Means()
    weights, labels = made.unpacked(generator.value), working[LABELS]
    others, last = list((further or {}).values()), generator.first
    leaves = [codes.value.requires_grad_(), *(other.value.requires_grad_() for other in others), *weights.values()]
    for step in span:
        found = terms(Fit(made.images(weights, codes.value, labels), labels, step))
        gradients = torch.autograd.grad(torch.stack(list(found.values())).sum(), leaves)
        last = flat_gradient(gradients[1 + len(others) :])
        with torch.no_grad():
            adam_([generator], [last], step, lr=rates.weights, betas=BETAS)
            adam_([codes], gradients[:1], step, lr=rates.codes, betas=BETAS)
            if others:
                adam_(others, gradients[1 : 1 + len(others)], past + step, lr=rates.further, betas=BETAS)
        means.add(found)
    for leaf in (codes, *others):
        leaf.value.requires_grad_(False)
    state = {**stored(WEIGHTS, generator), **stored(CODES, codes), LABELS: labels}
    for name, other in (further or {}).items():
        state.update(stored(name, other))
    return state, means.result(), last


@torch.no_grad()
def images_of(made: Generator, working: Mapping[str, Tensor]) -> Tensor:
    """The images of the codes as they are now."""
    weights = made.unpacked(working[WEIGHTS])
    return made.images(weights, working[CODES], working[LABELS]).contiguous()


def inversion_terms(view: SynthesisView, seen: Seen, fit: Fit, weights: Mapping[str, float]) -> dict[str, Tensor]:
    """The terms of DeepInversion on a generator: batch statistics, wanted class, and disagreement with the student.

    α Σ_l (‖μ̂_l − μ_l‖₂ + ‖σ̂²_l − σ²_l‖₂) + β CE(T(x), y) − γ KL(T(x) ‖ S(x)), the last one only over images on
    which teacher and student decide alike, so that it does not lead away from the wanted classes.

    Source: G. Fang et al., Contrastive Model Inversion for Data-Free Knowledge Distillation, IJCAI 2021, section 3:
    the inversion loss.

    Args:
        view: teacher and student.
        seen: what the teacher makes of the images, with moments where these count.
        fit: the images and their labels.
        weights: of ``batch_norm``, ``one_hot`` and ``adversarial``; a term of weight 0 is left out.
    """
    terms: dict[str, Tensor] = {}
    if weights["one_hot"]:
        terms["one_hot"] = weights["one_hot"] * functional.cross_entropy(seen.logits, fit.labels)
    if weights["batch_norm"] and seen.batch_norm:
        statistics = batch_norm_term(seen.batch_norm, view.batch_norm_targets)
        terms["batch_norm"] = weights["batch_norm"] * statistics
    if weights["adversarial"]:
        terms["adversarial"] = -weights["adversarial"] * _apart(view, seen, fit.images)
    return terms


def _apart(view: SynthesisView, seen: Seen, images: Tensor) -> Tensor:
    logits: Tensor = student_of(view)(images)
    alike = logits.argmax(dim=1) == seen.logits.argmax(dim=1)
    share = alike.float().mean()
    if not bool(alike.any()):
        return logits.sum() * 0.0
    return share * disagreement(seen.logits[alike], logits[alike], "kl")
