"""The convolutional network of the paper that introduced federated averaging."""

from typing import ClassVar, Literal

from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph, chain
from engine.models.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from engine.models.model import Model, models


@models.register
class McmahanCnn(Model):
    """Two 5x5 convolutions (32 and 64 channels) with 2x2 max pooling, then 512 units: 1,663,370 parameters on MNIST.

    The convolutions are padded to keep the size of the image; that is what gives the parameter count of the paper.
    """

    source: ClassVar[str] = (
        "H. B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, "
        "AISTATS 2017, section 3 (CNN)"
    )
    kind: Literal["mcmahan_cnn"] = "mcmahan_cnn"

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        return chain(
            sample,
            [
                ("conv1", Conv2d(32, 5, padding=2)),
                ("relu1", ReLU()),
                ("pool1", MaxPool2d(2)),
                ("conv2", Conv2d(64, 5, padding=2)),
                ("relu2", ReLU()),
                ("pool2", MaxPool2d(2)),
                ("flatten", Flatten()),
                ("fc1", Linear(512)),
                ("relu3", ReLU()),
                ("head", Linear(sample.num_classes)),
            ],
        )
