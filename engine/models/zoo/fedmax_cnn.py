"""The convolutional network of the FedMAX experiments."""

from typing import ClassVar, Literal

from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph, chain
from engine.models.layer import Layer
from engine.models.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from engine.models.model import Model, models

BLOCKS = ((32,), (64, 64), (64, 64))
"""Channels of the convolutions before each pooling."""


@models.register
class FedmaxCnn(Model):
    """Five 3x3 convolutions without bias and 512 units before the classifier: 659,818 parameters on 3x32x32.

    The 512 activations are what FedMAX spreads out. On other image sizes only the first fully connected layer changes.
    """

    source: ClassVar[str] = (
        "W. Chen, K. Bhardwaj, R. Marculescu, FedMAX: Mitigating Activation Divergence for Accurate and "
        "Communication-Efficient Federated Learning, ECML-PKDD 2020, and the authors' code"
    )
    kind: Literal["fedmax_cnn"] = "fedmax_cnn"

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        layers: list[tuple[str, Layer]] = []
        number = 0
        for place, block in enumerate(BLOCKS, start=1):
            for channels in block:
                number += 1
                layers += [
                    (f"conv{number}", Conv2d(channels, 3, padding=1, bias=False)),
                    (f"relu{number}", ReLU()),
                ]
            layers.append((f"pool{place}", MaxPool2d(2)))
        layers += [("flatten", Flatten()), ("fc1", Linear(512)), ("relu_fc1", ReLU())]
        return chain(sample, [*layers, ("head", Linear(sample.num_classes))])
