"""Training of a generator that goes on from batch to batch, with new codes in every step."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from engine.datafree.generation.generating import Generator, Means, flat_gradient, stored, trained_of
from engine.datafree.images.views import SynthesisView
from engine.datafree.learning.adam import Trained, adam_
from engine.datafree.synthesizer import Finished

BETAS = (0.5, 0.999)
"""Adam's forgetting factors, as is usual for generators (Radford et al. 2016, section 4)."""

Terms = Callable[[Tensor], Mapping[str, Tensor]]
"""The weighted terms of a loss of images (B, C, H, W)."""

WEIGHTS = "generator"


def begun(made: Generator, view: SynthesisView, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The generator as the last batch left it, or a new one."""
    return dict(kept) if kept else stored(WEIGHTS, Trained.fresh(made.initial(view.draw("generator"))))


def advanced(
    made: Generator, view: SynthesisView, working: Mapping[str, Tensor], span: range, *, before: int,
    batch_size: int, lr: float, terms: Terms,
) -> tuple[dict[str, Tensor], dict[str, float]]:  # fmt: skip
    """The working tensors after the steps of ``span``, and the mean of each term.

    Args:
        made: the generator.
        view: source of the codes.
        working: tensors before; not written to.
        span: numbers of the steps within the batch.
        before: steps that earlier batches made.
        batch_size: images of a step.
        lr: step size of Adam.
        terms: the loss.
    """
    trained, means = trained_of(working, WEIGHTS), Means()
    weights = made.unpacked(trained.value)
    for step in span:
        codes, labels = _asked(made, view, batch_size, step)
        found = terms(made.images(weights, codes, labels))
        gradients = torch.autograd.grad(torch.stack(list(found.values())).sum(), list(weights.values()))
        adam_([trained], [flat_gradient(gradients)], before + step, lr=lr, betas=BETAS)
        means.add(found)
    return stored(WEIGHTS, trained), means.result()


@torch.no_grad()
def finished(
    made: Generator, view: SynthesisView, working: Mapping[str, Tensor], batch_size: int, last_step: int
) -> Finished:
    """Images of new codes with the teacher's decisions as labels; the generator is kept.

    Args:
        made: the generator.
        view: source of the codes.
        working: tensors after the last step.
        batch_size: images to make.
        last_step: number of the step after the last, which names the codes.
    """
    codes, labels = _asked(made, view, batch_size, last_step)
    images = made.images(made.unpacked(working[WEIGHTS]), codes, labels).contiguous()
    decided = view.teacher.forward(images, batch_norm=False).logits.argmax(dim=1)
    return Finished(images, decided, working)


def _asked(made: Generator, view: SynthesisView, count: int, step: int) -> tuple[Tensor, Tensor | None]:
    """Codes of one step, and balanced labels for a conditional generator."""
    codes = view.normal((count, made.settings.latent_size), "codes", step)
    return codes, view.batch_labels(count) if made.settings.conditional else None
