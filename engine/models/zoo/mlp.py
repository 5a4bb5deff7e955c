"""A plain network of fully connected layers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph, chain
from engine.models.layer import Layer
from engine.models.layers import Flatten, Linear, ReLU
from engine.models.model import Model, models


@models.register
class Mlp(Model):
    """Fully connected layers with ReLU between them; images and sequences are flattened.

    With ``hidden: [200, 200]`` it is the 2NN of McMahan et al. 2017 (199,210 parameters on MNIST).
    """

    source: ClassVar[str] = (
        "H. B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, "
        "AISTATS 2017, section 3 (2NN)"
    )
    sample_kinds: ClassVar[frozenset[str]] = frozenset({"image", "features", "sequence"})
    kind: Literal["mlp"] = "mlp"

    hidden: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = Field(default=(200,), max_length=16)
    """Widths of the hidden layers, from the input on; none gives logistic regression."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        layers: list[tuple[str, Layer]] = [("flatten", Flatten())] if len(sample.shape) > 1 else []
        for number, width in enumerate(self.hidden, start=1):
            layers += [(f"fc{number}", Linear(width)), (f"relu{number}", ReLU())]
        return chain(sample, [*layers, ("head", Linear(sample.num_classes))])
