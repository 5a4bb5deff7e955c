"""Images of another data set, as they are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.data.dataset import Dataset, datasets
from engine.data.datasets.digits import Digits
from engine.datafree.images.given_images import GivenImages
from engine.datafree.synthesizer import synthesizers
from engine.models.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView


@synthesizers.register
class OutOfDomain(GivenImages):
    """Images of another, public data set, made to fit: nothing is synthesized, the teacher labels what there is.

    They are scaled to the teacher's size, gray ones repeated or colors averaged, and standardized by the constants of
    the teacher's own data set. Every image is used once before any is used again.
    """

    source: ClassVar[str] = (
        "G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network, 2015, section 2: a transfer set "
        "other than the training set"
    )
    equation: ClassVar[str] = "x from another data set, label argmax T(x)"
    ignores_metadata: ClassVar[bool] = True
    kind: Literal["out_of_domain"] = "out_of_domain"
    """Images of another data set."""

    dataset: Annotated[Dataset, datasets.field()] = Field(default_factory=Digits)
    """The other data set; only its training images are used, its labels never."""

    @override
    def begin(self, view: "SynthesisView", batch: int, kept: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        from engine.datafree.images.foreign import fitted_to

        chosen = self._chosen(view, batch)
        pixels = self.dataset.pixels()
        assert pixels is not None, "a check lets only sets of images through"
        shown = pixels.shown(view.pool(self.dataset)[chosen])
        return {"pixels": fitted_to(shown, view.sample.shape, view.teacher.pixels)}

    @override
    def unsuited(self, graph: Graph) -> list[Problem]:
        if unknown := self.dataset.check():
            return [Problem(f"dataset.{found.path}".rstrip("."), found.code, found.message) for found in unknown]
        sample: SampleSpec = self.dataset.sample()
        if sample.kind == "image" and self.dataset.pixels() is not None:
            return []
        message = f"images are needed; this data set has samples of the kind {sample.kind}"
        return [Problem("dataset", "does_not_fit", message)]

    def _chosen(self, view: "SynthesisView", batch: int) -> np.ndarray:
        """Which images: each pass over the set is a random order of its own."""
        count = self.dataset.num_samples("train")
        places = np.arange(batch * self.batch_size, (batch + 1) * self.batch_size)
        orders = {int(turn): view.order(count, "pool", int(turn)) for turn in np.unique(places // count)}
        return np.array([orders[int(place // count)][place % count] for place in places])
