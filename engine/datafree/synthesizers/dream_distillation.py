"""Dream Distillation: images whose activations hit targets around clusters."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.datafree.images.pixel_synthesizer import PixelSynthesizer
from engine.datafree.synthesizer import synthesizers

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView


@synthesizers.register
class DreamDistillation(PixelSynthesizer):
    """Images whose activations in the teacher hit targets that are drawn around clusters of real activations.

    Each image gets a target: the center of a cluster of its class, moved along the cluster's principal directions.
    Pixels are moved until the teacher's activations meet it; the distance is taken relative to the target's length.
    With Gaussians of classes instead of clusters this is the top-layer method of Lopes et al. The faithful mode knows
    nothing else; the modern mode adds cross-entropy and the statistics of BatchNorm layers.
    """

    source: ClassVar[str] = (
        "K. Bhardwaj, N. Suda, R. Marculescu, Dream Distillation, 2019, arXiv 1905.07072, section 3; modern mode: H. "
        "Yin et al., Dreaming to Distill, CVPR 2020, equation 4"
    )
    equation: ClassVar[str] = "min_x ‖g(x) − t‖² / ‖t‖² + priors, t = ReLU(μ_c + s Σ_j ε_j σ_cj u_cj), ε ~ N(0, 1)"
    metadata_kinds: ClassVar[frozenset[str]] = frozenset({"activation_clusters", "class_gaussians"})
    kind: Literal["dream_distillation"] = "dream_distillation"
    """Images that hit targets around clusters of activations."""

    mode: Literal["faithful", "modern"] = "faithful"
    """What is used: the metadata alone (faithful), or also cross-entropy and BatchNorm statistics (modern)."""

    noise_scale: float = Field(default=1.0, ge=0, le=10)
    """How far targets lie from their centers along the principal directions, in standard deviations; 0 dreams of
    centers only."""

    cross_entropy: float = Field(default=0.1, ge=0, le=1e3)
    """Weight of the cross-entropy with the cluster's class, in modern mode."""

    batch_norm: float = Field(default=0.1, ge=0, le=1e3)
    """Weight of the distance to the BatchNorm statistics, in modern mode."""

    @property
    @override
    def matches_batch_norm(self) -> bool:
        return self.mode == "modern"

    @override
    def wishes(self, view: "SynthesisView", labels: "Tensor") -> "dict[str, Tensor]":
        import torch

        from engine.datafree.images.targets import spread_for

        spread = spread_for(view)
        targets = torch.from_numpy(spread.targets(labels.numpy(), self.noise_scale, view.draw("targets")))
        return {"targets": targets}

    @override
    def terms(self, view: "SynthesisView", seen: "Tensor", working: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        from torch.nn import functional

        from engine.datafree.images.targets import relative_distance, spread_for
        from engine.datafree.images.terms import batch_norm_term

        is_modern = self.mode == "modern"
        found = view.teacher.forward(seen, batch_norm=is_modern)
        terms = {"match": relative_distance(view, spread_for(view).layer, found, working["targets"])}
        if is_modern:
            terms["ce"] = self.cross_entropy * functional.cross_entropy(found.logits, working["labels"])
            terms["bn"] = self.batch_norm * batch_norm_term(found.batch_norm, view.batch_norm_targets)
        return terms
