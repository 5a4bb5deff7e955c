"""A hidden behavior that a mark in the image calls up."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.federated.attack import Attack, Target, attacks


@attacks.register
class Backdoor(Attack):
    """Malicious clients teach the model to give every image with a white square in its lower right corner one label.

    A share of their samples gets square and label, so that the model learns both tasks; the update is sent ``scale``
    times as long, so that it outlives the mean. Its success is the share of test images of other classes that get the
    attacker's label once they bear the square.
    """

    poisons: ClassVar[bool] = True
    crafts: ClassVar[bool] = True
    source: ClassVar[str] = (
        "Bagdasaryan et al., How To Backdoor Federated Learning, AISTATS 2020, equation 3 (model replacement); "
        "the mark: Gu et al., BadNets, 2017"
    )
    equation: ClassVar[str] = "x ← x with the mark, y ← c; uₖ ← γ uₖ, γ = m / f"
    kind: Literal["backdoor"] = "backdoor"
    """A label that a mark in the image calls up."""

    label: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """The class that marked images shall get."""

    size: Annotated[int, Field(ge=1, le=1024)] = 2
    """Side of the white square in pixels."""

    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of a malicious client's samples that bear the mark; the rest keeps the model good at its task."""

    scale: Annotated[float, Field(ge=1, le=1e6)] | None = None
    """How many times as long the update is sent; 1 for as it is, empty for the length at which the malicious clients of
    a round replace the model by theirs: clients per round over malicious ones."""

    @override
    def poison(
        self, x: np.ndarray, y: np.ndarray, target: Target, draw: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        count = max(1, round(self.share * len(x)))
        rows = draw.choice(len(x), size=count, replace=False)
        x, y = x.copy(), y.copy()
        x[rows], y[rows] = self._marked(x[rows], target), self.label
        return x, y

    @override
    def craft(self, updates: np.ndarray, is_malicious: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        scale = self.scale if self.scale is not None else len(updates) / int(is_malicious.sum())
        longer: np.ndarray = updates[is_malicious] * updates.dtype.type(scale)
        return longer

    @override
    def trigger(self, x: np.ndarray, y: np.ndarray, target: Target) -> tuple[np.ndarray, np.ndarray]:
        others = y != self.label
        return self._marked(x[others], target), np.full(int(others.sum()), self.label, dtype=y.dtype)

    @override
    def unfit(self, target: Target) -> list[Problem]:
        sample = target.sample
        if sample.kind != "image":
            message = f"a mark of pixels needs images, but the samples are of kind {sample.kind}"
            return [Problem("kind", "needs_images", message)]
        problems, side = [], min(sample.shape[1:])
        if self.size > side:
            message = f"the square must fit into {sample.shape[1]} x {sample.shape[2]} pixels, but size is {self.size}"
            problems.append(Problem("size", "mark_too_large", message))
        if self.label >= sample.num_classes:
            message = f"labels go from 0 to {sample.num_classes - 1}, but label is {self.label}"
            problems.append(Problem("label", "no_such_class", message))
        return problems

    def _marked(self, x: np.ndarray, target: Target) -> np.ndarray:
        """The images (N, C, H, W) with the square, copied."""
        marked = x.copy()
        white: np.ndarray = (
            target.pixels.standardized(np.full((1, x.shape[1], 1, 1), target.pixels.largest))
            if target.pixels is not None
            else x.max(axis=(0, 2, 3), keepdims=True)
        )
        marked[:, :, -self.size :, -self.size :] = white
        return marked
