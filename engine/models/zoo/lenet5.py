"""LeNet-5."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.models.graph import Graph, chain
from engine.models.layer import Layer
from engine.models.layers import AvgPool2d, Conv2d, Flatten, Linear, ReLU, Tanh
from engine.models.model import Model, models


@models.register
class Lenet5(Model):
    """Two 5x5 convolutions with average pooling and three fully connected layers: 61,706 parameters on MNIST.

    Simplified as is usual: pooling has no weights, the second convolution sees all maps, and the output is linear.
    Images below 32x32 are padded by 2 pixels in the first convolution.
    """

    source: ClassVar[str] = (
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-Based Learning Applied to Document Recognition, "
        "Proceedings of the IEEE 1998, section II.B"
    )
    kind: Literal["lenet5"] = "lenet5"

    activation: Literal["tanh", "relu"] = "tanh"
    """Function after each hidden layer; the paper has tanh."""

    width: Annotated[float, Field(gt=0, le=16)] = 1.0
    """Factor on the channels of convolutions and the units of hidden layers, dimensionless; the paper's network has
    1."""

    @override
    def declare(self, sample: SampleSpec) -> Graph:
        act: Layer = Tanh() if self.activation == "tanh" else ReLU()
        padding = 2 if min(sample.shape[1:]) < 32 else 0
        first, second, third, fourth = (max(1, round(self.width * count)) for count in (6, 16, 120, 84))
        return chain(
            sample,
            [
                ("conv1", Conv2d(first, 5, padding=padding)),
                ("act1", act),
                ("pool1", AvgPool2d(2)),
                ("conv2", Conv2d(second, 5)),
                ("act2", act),
                ("pool2", AvgPool2d(2)),
                ("flatten", Flatten()),
                ("fc1", Linear(third)),
                ("act3", act),
                ("fc2", Linear(fourth)),
                ("act4", act),
                ("head", Linear(sample.num_classes)),
            ],
        )
