"""CMI: model inversion in which every image must differ from those made before."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.datafree.generation.generated import FittedGenerator
from engine.datafree.synthesizer import Finished, synthesizers

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView

MEMORY = "memory"


@synthesizers.register
class Cmi(FittedGenerator):
    """DeepInversion on a fresh generator and its codes, with a contrastive term that asks for diversity.

    An image and a square cut out of it must be alike in a learned projection of the teacher's features, and
    unlike all other images of the batch and the remembered ones of earlier batches. So no batch repeats what the memory
    bank holds. Generator and codes start anew for each batch; the projection goes on.
    """

    source: ClassVar[str] = (
        "G. Fang et al., Contrastive Model Inversion for Data-Free Knowledge Distillation, IJCAI 2021, section 3, "
        "arXiv 2105.08584"
    )
    equation: ClassVar[str] = (
        "min_{z,θ,h} α R_bn + β CE(T(G(z; θ)), y) − γ KL(T ‖ S) − δ mean log [exp(s(x, x⁺)/τ) / Σⱼ exp(s(x, xⱼ)/τ)]"
    )
    num_looks: ClassVar[float] = 2.0
    kind: Literal["cmi"] = "cmi"
    """Model inversion in which every image must differ from those made before."""

    steps: int = Field(default=200, ge=1, le=10_000)
    """Steps of generator and codes for each batch; 200 or 500 in the paper's tables."""

    contrastive: float = Field(default=0.8, ge=0, le=1000)
    """Weight δ of the contrastive term; with 0 this is DeepInversion with a generator."""

    temperature: float = Field(default=0.2, gt=0, le=100)
    """Temperature τ of the similarities, which lie between -1 and 1."""

    memory_size: int = Field(default=2000, ge=0, le=100_000)
    """Features of earlier images that are remembered as examples to differ from; the oldest are dropped."""

    @override
    def begin(self, view: "SynthesisView", batch: int, kept: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        from engine.datafree.generation.contrast import new_projection
        from engine.datafree.generation.fitted_generator import begun
        from engine.datafree.generation.generating import Generator

        made = Generator.of(self.generator, view)
        goes_on = dict(kept) or new_projection(view)
        return {**goes_on, **begun(made, view, made.initial(view.draw("generator")), self.batch_size)}

    @override
    def advance(
        self, view: "SynthesisView", working: "Mapping[str, Tensor]", first_step: int, num_steps: int
    ) -> "tuple[dict[str, Tensor], dict[str, float]]":
        from engine.datafree.generation.contrast import Contrast, projection_of
        from engine.datafree.generation.fitted_generator import Fit, Rates, advanced, inversion_terms
        from engine.datafree.generation.generating import Generator

        layers = projection_of(working) if self.contrastive else {}
        contrast = Contrast(view, layers, working[MEMORY], self.temperature)

        def terms(fit: Fit) -> "dict[str, Tensor]":
            seen = view.teacher.forward(fit.images, batch_norm=self.batch_norm > 0)
            found = inversion_terms(view, seen, fit, self.weights)
            if self.contrastive:
                found["contrastive"] = self.contrastive * contrast.term(fit.images, seen.features, fit.step)
            return found

        state, means, _ = advanced(
            Generator.of(self.generator, view), working, range(first_step, first_step + num_steps),
            rates=Rates(self.lr, self.code_lr, self.lr), terms=terms, further=layers, past=view.batch * self.steps,
        )  # fmt: skip
        return {**working, **state}, means

    @override
    def finish(self, view: "SynthesisView", working: Mapping[str, "Tensor"]) -> Finished:
        import torch

        from engine.datafree.generation.contrast import is_projection
        from engine.datafree.generation.fitted_generator import LABELS, images_of
        from engine.datafree.generation.generating import Generator

        images = images_of(Generator.of(self.generator, view), working)
        with torch.no_grad():
            features = view.teacher.forward(images, batch_norm=False).features
        kept = {name: tensor for name, tensor in working.items() if is_projection(name)}
        remembered = torch.cat([working[MEMORY], features])
        kept[MEMORY] = remembered[max(0, len(remembered) - self.memory_size) :]
        return Finished(images, working[LABELS], kept)
