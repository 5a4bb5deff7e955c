"""DAFL: a generator that the teacher judges as a discriminator would."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.datafree.generation.generated import FreeGenerator
from engine.datafree.generation.generators import GeneratorSettings
from engine.datafree.synthesizer import synthesizers

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView


@synthesizers.register
class Dafl(FreeGenerator):
    """A generator is trained so that the teacher is sure of its images, is excited by them and sees every class.

    The loss of a batch is L_oh + α L_a + β L_ie: the cross-entropy of the teacher's predictions with its own decisions,
    minus the mean size of its features, and minus the entropy of its mean prediction. Generator and student are trained
    in turn; labels are the teacher's decisions. The paper divides the entropy by the number of classes and sums the
    features; here means are taken, so that a weight acts alike for every teacher.
    """

    source: ClassVar[str] = (
        "H. Chen et al., Data-Free Learning of Student Networks, ICCV 2019, section 3, arXiv 1904.01186"
    )
    equation: ClassVar[str] = "min_G CE(T(G(z)), argmax T(G(z))) − α mean |f_T(G(z))| − β H(mean softmax T(G(z)))"
    kind: Literal["dafl"] = "dafl"
    """A generator that the teacher judges as a discriminator would."""

    generator: GeneratorSettings = GeneratorSettings(output="standardized")
    """The network that makes images from random codes."""

    one_hot: float = Field(default=1.0, ge=0, le=1000)
    """Weight of the one-hot loss, dimensionless; 1 in the paper."""

    activation: float = Field(default=0.1, ge=0, le=1000)
    """Weight α of the activation loss."""

    balance: float = Field(default=5.0, ge=0, le=1000)
    """Weight β of the information entropy loss, which makes classes come equally often."""

    @property
    @override
    def asks_student(self) -> bool:
        return False

    @override
    def terms(self, view: "SynthesisView", images: "Tensor") -> "dict[str, Tensor]":
        from engine.datafree.generation.generator_terms import activation_term, balance_term, one_hot_term

        seen = view.teacher.forward(images, batch_norm=False)
        return {
            "one_hot": self.one_hot * one_hot_term(seen.logits),
            "activation": self.activation * activation_term(seen.features),
            "balance": self.balance * balance_term(seen.logits),
        }
