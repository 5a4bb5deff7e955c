"""Pruning with the remaining channels in the place of those that go."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from engine.datafree.pruner import Pruner, pruners
from engine.datafree.shrinking.channels import FIXED, Channels, Weights
from engine.datafree.shrinking.standing_in import readers


@pruners.register
class Compensated(Pruner):
    """The channels that bring least to the layers after go, and the weights that read them move to the others.

    Channels are taken as Gaussian before each activation, with the means and variances that the normalization layers
    have learned and correlations that follow from the filters; what stands in for a channel is then a least-squares
    solution in closed form, and its mean error goes into the bias or the normalization of the layer that reads it.
    """

    source: ClassVar[str] = (
        "S. Srinivas, R. V. Babu, Data-free Parameter Pruning for Deep Neural Networks, BMVC 2015, section 3 (what "
        "reads a removed neuron is added to a similar one), here to all others by least squares; Gaussian channels and "
        "the correction of means: M. Nagel et al., Data-Free Quantization, ICCV 2019, section 4.2.1"
    )
    equation: ClassVar[str] = "S, c = argmin E‖a_R − S a_K − c‖² + λ‖S‖²;  W_K ← W_K + W_R S,  b ← b + W_R c"
    kind: Literal["compensated"] = "compensated"
    """Pruning with the remaining channels in the place of those that go."""

    ridge: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Weight of the ridge in the least squares, as a share of the mean variance of the channels: more keeps the
    stand-ins small where the Gaussian picture is wrong."""

    @override
    def saliency(self, channels: Channels, weights: Weights) -> NDArray[np.float64]:
        total = np.zeros(channels.num_classes)
        for reader in readers(channels, weights):
            np.add.at(total, reader.classes, reader.saliency())
        return total

    @override
    def compensated(self, channels: Channels, weights: Weights, kept: NDArray[np.bool_]) -> Weights:
        found = dict(weights)
        for reader in readers(channels, weights):
            stays = kept[reader.classes] | (reader.classes == FIXED)
            if not stays.all():
                found |= reader.moved(found, stays, self.ridge)
        return found
