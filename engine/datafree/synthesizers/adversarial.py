"""Adversarial synthesis: a generator looks for images on which the student does not follow the teacher yet."""

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
class Adversarial(FreeGenerator):
    """A generator is trained to make images on which the student's predictions lie far from the teacher's.

    Generator and student play against each other: the one maximizes the disagreement D(T, S) that the other minimizes.
    With ``disagreement: kl`` and no other term this is zero-shot knowledge transfer (ZSKT), with ``mae`` data-free
    adversarial distillation (DFAD); with ``batch_norm``, ``certainty`` and ``balance`` the generator is also held close
    to the data as in adversarial data-free quantization (DFQ). Labels are the teacher's decisions.
    """

    source: ClassVar[str] = (
        "P. Micaelli, A. Storkey, Zero-shot Knowledge Transfer via Adversarial Belief Matching, NeurIPS 2019, "
        "arXiv 1905.09768; G. Fang et al., Data-Free Adversarial Distillation, 2019, arXiv 1912.11006; Y. Choi et al., "
        "Data-Free Network Quantization with Adversarial Knowledge Distillation, CVPR Workshops 2020, arXiv 2005.04136"
    )
    equation: ClassVar[str] = "min_S max_G D(T(G(z)), S(G(z))) − λₙ R_bn − λ_c mean H(T(G(z))) + λ_b H(mean T(G(z)))"
    kind: Literal["adversarial"] = "adversarial"
    """A generator looks for images on which the student does not follow the teacher yet."""

    generator: GeneratorSettings = GeneratorSettings(output="standardized")
    """The network that makes images from random codes."""

    disagreement: Literal["kl", "mae", "js"] = "kl"
    """What is maximized: Kullback-Leibler divergence of the predictions (kl), mean absolute difference of the logits
    (mae), or Jensen-Shannon divergence (js), which is bounded."""

    adversarial: float = Field(default=1.0, ge=0, le=1000)
    """Weight of the disagreement."""

    batch_norm: float = Field(default=0.0, ge=0, le=1000)
    """Weight of the distance from the teacher's BatchNorm statistics; without effect if it has no such layers."""

    certainty: float = Field(default=0.0, ge=0, le=1000)
    """Weight of the teacher's mean uncertainty about single images, in nats."""

    balance: float = Field(default=0.0, ge=0, le=1000)
    """Weight of the entropy of the mean prediction, which makes classes come equally often."""

    @property
    @override
    def asks_student(self) -> bool:
        return True

    @override
    def terms(self, view: "SynthesisView", images: "Tensor") -> "dict[str, Tensor]":
        from engine.datafree.generation.generator_terms import balance_term, certainty_term, disagreement
        from engine.datafree.images.terms import batch_norm_term
        from engine.datafree.images.views import student_of

        targets = view.batch_norm_targets if self.batch_norm else []
        seen = view.teacher.forward(images, batch_norm=bool(targets))
        apart = disagreement(seen.logits, student_of(view)(images), self.disagreement)
        terms = {"adversarial": -self.adversarial * apart}
        if targets:
            terms["batch_norm"] = self.batch_norm * batch_norm_term(seen.batch_norm, targets)
        if self.certainty:
            terms["certainty"] = self.certainty * certainty_term(seen.logits)
        if self.balance:
            terms["balance"] = self.balance * balance_term(seen.logits)
        return terms
