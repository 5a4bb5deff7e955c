"""Gradient descent on pixels: what all synthesizers that optimize images themselves share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.datafree.images.terms import add_prior_gradient_
from engine.datafree.images.views import SynthesisView
from engine.datafree.learning.adam import Trained, adam_

Terms = Callable[[Tensor], Mapping[str, Tensor]]
"""Weighted loss terms by name of images as the teacher is shown them."""

PIXELS, FIRST, SECOND = "pixels", "first_moment", "second_moment"


@dataclass(frozen=True)
class Descent:
    """How pixels are moved.

    Attributes:
        lr: Adam's rate, in standardized units per step.
        jitter: most pixels by which the batch is rolled either way before the teacher sees it.
        flip: whether the batch is mirrored in half of the steps.
        tv: weight of the total variation.
        l2: weight of the norm.
    """

    lr: float
    jitter: int
    flip: bool
    tv: float
    l2: float


def begin(view: SynthesisView, batch_size: int) -> dict[str, Tensor]:
    """Pixels from N(0, 1), cut to the valid range, and Adam's moments at zero."""
    pixels = view.normal((batch_size, *view.sample.shape), "pixels").clamp(view.teacher.low, view.teacher.high)
    return {PIXELS: pixels, FIRST: torch.zeros_like(pixels), SECOND: torch.zeros_like(pixels)}


def advance(
    view: SynthesisView, working: Mapping[str, Tensor], steps: range, how: Descent, terms: Terms
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The working tensors after some steps, and the mean of each term over them.

    Args:
        view: names the random stream of each step.
        working: pixels and moments; others are handed through.
        steps: numbers of the steps, from 0 at the beginning of the batch.
        how: rates and priors.
        terms: what the images are to achieve, differentiable.
    """
    pixels, first, second = (working[name].clone(memory_format=torch.channels_last) for name in (PIXELS, FIRST, SECOND))
    moved, sums = Trained(pixels, first, second), dict[str, Tensor]()
    for step in steps:
        move = Move.drawn(view.draw("jitter", step), how)
        seen = move.applied(pixels).requires_grad_()
        found = dict(terms(seen))
        (gradient,) = torch.autograd.grad(torch.stack(list(found.values())).sum(), seen)
        gradient = move.undone(gradient)
        found["tv"], found["l2"] = add_prior_gradient_(gradient, pixels, how.tv, how.l2)
        adam_([moved], [gradient], step, lr=how.lr)
        torch.clamp(pixels, view.teacher.low, view.teacher.high, out=pixels)
        for name, value in found.items():
            sums[name] = sums[name] + value.detach() if name in sums else value.detach()
    means = {name: float(value) / len(steps) for name, value in sums.items()}
    return {**working, PIXELS: pixels, FIRST: first, SECOND: second}, means


@dataclass(frozen=True)
class Move:
    """One random shift of a batch, around its edges, and perhaps its mirror image."""

    down: int
    right: int
    is_mirrored: bool

    @classmethod
    def drawn(cls, draw: np.random.Generator, how: Descent) -> "Move":
        """A shift that is uniform over all that are allowed."""
        down, right = draw.integers(-how.jitter, how.jitter + 1, size=2).tolist()
        return cls(down, right, bool(draw.random() < 0.5) and how.flip)

    def applied(self, x_BCHW: Tensor) -> Tensor:
        """The batch as the teacher sees it, copied."""
        moved = torch.roll(x_BCHW, (self.down, self.right), dims=(2, 3))
        moved = moved.flip(3) if self.is_mirrored else moved
        return moved.contiguous(memory_format=torch.channels_last)

    def undone(self, gradient_BCHW: Tensor) -> Tensor:
        """The gradient by the batch as it is kept, copied."""
        back = gradient_BCHW.flip(3) if self.is_mirrored else gradient_BCHW
        back = torch.roll(back, (-self.down, -self.right), dims=(2, 3))
        return back.contiguous(memory_format=torch.channels_last)
