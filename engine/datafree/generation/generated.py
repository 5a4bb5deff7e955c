"""What the synthesizers with a generator have in common: fields, and the way of a batch."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field
from typing_extensions import override

from engine.datafree.generation.generators import GeneratorSettings
from engine.datafree.synthesizer import FORWARD_BACKWARD, Finished, Synthesizer
from engine.models.profile import Profile

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView

TRAINED_GENERATOR = 3.0
"""Multiply-accumulates of a step that trains the generator, over those of its forward pass."""


class Generated(Synthesizer):
    """A synthesizer that trains a generator beside the student."""

    ignores_metadata: ClassVar[bool] = True
    is_interleaved: ClassVar[bool] = True

    num_looks: ClassVar[float] = 1.0
    """Batches that the teacher looks at in one step."""

    steps: int = Field(default=20, ge=1, le=10_000)
    """Steps of the generator for each batch of images that is kept."""

    lr: float = Field(default=1e-3, gt=0, le=1)
    """Step size of Adam for the generator."""

    generator: GeneratorSettings = GeneratorSettings()
    """The network that makes images from random codes."""

    @property
    @override
    def steps_per_batch(self) -> int:
        return self.steps

    @property
    @abstractmethod
    def asks_student(self) -> bool:
        """Whether the loss looks at the student's predictions."""

    @override
    def step_macs(self, teacher: Profile, student: Profile | None) -> float:
        own = TRAINED_GENERATOR * self.generator.macs(teacher.graph.sample)
        asked = student.total_macs if student and self.asks_student else 0
        return self.batch_size * (own + FORWARD_BACKWARD * (self.num_looks * teacher.total_macs + asked))


class FreeGenerator(Generated):
    """A generator that goes on from batch to batch, with new random codes in every step.

    The images of a batch are those of new codes after its last step, and their labels are the teacher's decisions.
    """

    @abstractmethod
    def terms(self, view: "SynthesisView", images: "Tensor") -> "dict[str, Tensor]":
        """The weighted terms of the generator's loss, whose sum is minimized, of images (B, C, H, W)."""

    @override
    def begin(self, view: "SynthesisView", batch: int, kept: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        from engine.datafree.generation.free_generator import begun
        from engine.datafree.generation.generating import Generator

        return begun(Generator.of(self.generator, view), view, kept)

    @override
    def advance(
        self, view: "SynthesisView", working: "Mapping[str, Tensor]", first_step: int, num_steps: int
    ) -> "tuple[dict[str, Tensor], dict[str, float]]":
        from engine.datafree.generation.free_generator import advanced
        from engine.datafree.generation.generating import Generator

        return advanced(
            Generator.of(self.generator, view), view, working, range(first_step, first_step + num_steps),
            before=view.batch * self.steps, batch_size=self.batch_size, lr=self.lr,
            terms=lambda images: self.terms(view, images),
        )  # fmt: skip

    @override
    def finish(self, view: "SynthesisView", working: Mapping[str, "Tensor"]) -> Finished:
        from engine.datafree.generation.free_generator import finished
        from engine.datafree.generation.generating import Generator

        return finished(Generator.of(self.generator, view), view, working, self.batch_size, self.steps)


class FittedGenerator(Generated):
    """A generator that is fitted to one batch together with the codes, for wanted labels."""

    code_lr: float = Field(default=1e-2, gt=0, le=1)
    """Step size of Adam for the codes of the batch."""

    batch_norm: float = Field(default=1.0, ge=0, le=1000)
    """Weight α of the distance from the teacher's BatchNorm statistics; without effect if it has no such layers."""

    one_hot: float = Field(default=1.0, ge=0, le=1000)
    """Weight β of the cross-entropy with the wanted class."""

    adversarial: float = Field(default=0.5, ge=0, le=1000)
    """Weight γ of the disagreement of teacher and student, where they decide alike."""

    @property
    @override
    def asks_student(self) -> bool:
        return self.adversarial > 0

    @property
    def weights(self) -> dict[str, float]:
        """Weights of the terms of the inversion loss by name."""
        return {"batch_norm": self.batch_norm, "one_hot": self.one_hot, "adversarial": self.adversarial}
