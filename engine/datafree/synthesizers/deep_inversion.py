"""DeepInversion: images whose statistics meet those of the teacher's BatchNorm layers."""

from typing import ClassVar, Literal

from engine.datafree.images.inversion import Inversion
from engine.datafree.synthesizer import synthesizers


@synthesizers.register
class DeepInversion(Inversion):
    """Images that the teacher gives their labels, and whose statistics in all layers are those of the training set."""

    source: ClassVar[str] = (
        "H. Yin et al., Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, CVPR 2020, "
        "equations 2 to 5"
    )
    equation: ClassVar[str] = "min_x CE(T(x), y) + α_tv TV(x) + α_2 ‖x‖ + α_bn Σ_l ‖μ̂_l − μ_l‖ + ‖σ̂²_l − σ²_l‖"
    kind: Literal["deep_inversion"] = "deep_inversion"
    """Images that meet the teacher's BatchNorm statistics."""
