"""FastDFKD: a generator that learns to learn, so that a few steps make the next batch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.datafree.generation.generated import FittedGenerator
from engine.datafree.synthesizer import Finished, synthesizers

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView

META, GRADIENT = "meta", "gradient"


@synthesizers.register
class FastDfkd(FittedGenerator):
    """A meta-learned generator is fitted to each batch in 2 to 10 steps, since it knows what batches have in common.

    For every batch a copy θ' of the meta-generator θ and new codes z take some steps of Adam on BatchNorm statistics,
    wanted class and disagreement with the student; the images that result are kept. Then θ learns from the batch: by
    the last gradient of the copy (first-order MAML), with Adam, or by going a part of the way to the copy (Reptile).
    """

    source: ClassVar[str] = (
        "G. Fang et al., Up to 100x Faster Data-free Knowledge Distillation, AAAI 2022, section 3, arXiv 2112.06253; "
        "A. Nichol, J. Achiam, J. Schulman, On First-Order Meta-Learning Algorithms, 2018, arXiv 1803.02999"
    )
    equation: ClassVar[str] = (
        "z, θ' ← k steps on α R_bn + β CE(T(G(z; θ')), y) − γ KL(T ‖ S);  θ ← θ − η ∇L(θ') or θ + η (θ' − θ)"
    )
    kind: Literal["fast_dfkd"] = "fast_dfkd"
    """A generator that learns to learn, so that a few steps make the next batch."""

    steps: int = Field(default=10, ge=1, le=10_000)
    """Steps of the copy and the codes for each batch; the paper takes 2, 5 or 10."""

    lr: float = Field(default=5e-3, gt=0, le=1)
    """Step size of Adam for the copy of the generator."""

    meta: Literal["fomaml", "reptile"] = "reptile"
    """How the meta-generator learns from a batch: by the copy's last gradient, or by going a part of the way to it."""

    meta_rate: float = Field(default=0.5, gt=0, le=1)
    """The share η of the way to the copy (``reptile``), or the step size of Adam as a share of ``lr`` (``fomaml``)."""

    @override
    def begin(self, view: "SynthesisView", batch: int, kept: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        from engine.datafree.generation.fitted_generator import begun
        from engine.datafree.generation.generating import Generator, stored
        from engine.datafree.learning.adam import Trained

        made = Generator.of(self.generator, view)
        meta = dict(kept) or stored(META, Trained.fresh(made.initial(view.draw("generator"))))
        return {**meta, **begun(made, view, meta[META], self.batch_size)}

    @override
    def advance(
        self, view: "SynthesisView", working: "Mapping[str, Tensor]", first_step: int, num_steps: int
    ) -> "tuple[dict[str, Tensor], dict[str, float]]":
        from engine.datafree.generation.fitted_generator import Fit, Rates, advanced, inversion_terms
        from engine.datafree.generation.generating import Generator

        def terms(fit: Fit) -> "dict[str, Tensor]":
            seen = view.teacher.forward(fit.images, batch_norm=self.batch_norm > 0)
            return inversion_terms(view, seen, fit, self.weights)

        state, means, gradient = advanced(
            Generator.of(self.generator, view), working, range(first_step, first_step + num_steps),
            rates=Rates(self.lr, self.code_lr), terms=terms,
        )  # fmt: skip
        return {**working, **state, GRADIENT: gradient}, means

    @override
    def finish(self, view: "SynthesisView", working: Mapping[str, "Tensor"]) -> Finished:
        from engine.datafree.generation.fitted_generator import LABELS, images_of
        from engine.datafree.generation.free_generator import BETAS, WEIGHTS
        from engine.datafree.generation.generating import Generator, stored, trained_of
        from engine.datafree.learning.adam import adam_

        meta = trained_of(working, META)
        if self.meta == "reptile":
            meta.value.lerp_(working[WEIGHTS], self.meta_rate)
        else:
            adam_([meta], [working[GRADIENT]], view.batch, lr=self.meta_rate * self.lr, betas=BETAS)
        images = images_of(Generator.of(self.generator, view), working)
        return Finished(images, working[LABELS], stored(META, meta))
