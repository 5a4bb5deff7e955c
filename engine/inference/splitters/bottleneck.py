"""A learned bottleneck: at one cut a few channels travel instead of all."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.inference.cuts.open_places import nearest_places
from engine.inference.cuts.pieces import Pieces
from engine.inference.splitter import CannotSplit, Splitter, splitters
from engine.inference.splitters.layer import LayerSplitter
from engine.models.graph import Graph, Node
from engine.models.layer import Layer
from engine.models.layers import BatchNorm2d, Conv2d, Linear, ReLU


@splitters.register
class BottleneckSplitter(Splitter):
    """Layer by layer, with an encoder and a decoder at one place, between which few channels travel.

    The encoder is a 1x1 convolution with normalization and ReLU, the decoder one with normalization; of a vector both
    are fully connected layers. They are trained together with the network, which starts from its trained weights, on
    the labels and on what the network says without them. The placer is free to cut elsewhere.
    """

    source: ClassVar[str] = (
        "J. Shao, J. Zhang, BottleNet++, ICC Workshops 2020, section III (encoder, decoder, end-to-end training); Y. "
        "Matsubara et al., Head Network Distillation, IEEE Access 8, 2020, section IV (bottleneck by distillation)"
    )
    equation: ClassVar[str] = "L = (1 − a) CE(z, y) + a T² KL(p_T(τ) ‖ p(τ))"
    exact: ClassVar[bool] = False
    needs_training: ClassVar[bool] = True
    extends_network: ClassVar[bool] = True
    kind: Literal["bottleneck"] = "bottleneck"

    at: Annotated[float, Field(gt=0, lt=1)] = 0.33
    """Share of the network's multiply-accumulates before the bottleneck, which goes to the nearest place where one
    tensor alone crosses."""

    channels: int = Field(default=4, ge=1, le=4096)
    """Channels of a picture, or numbers of a vector, that travel."""

    soft_weight: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Part of the loss that the softened probabilities of the network without bottleneck have, the rest being the
    labels', dimensionless."""

    temperature: Annotated[float, Field(gt=0, le=100)] = 4.0
    """What logits are divided by before the softmax of the softened probabilities, dimensionless."""

    def split(self, graph: Graph) -> Pieces:
        """One piece per layer with what is fused to it, encoder and decoder among them."""
        return replace(LayerSplitter().split(self.extended(graph)), exact=False)

    @override
    def extended(self, graph: Graph) -> Graph:
        """The network with its bottleneck.

        Raises:
            CannotSplit: there is no place for it, or what crosses there is not larger.
        """
        (place,) = nearest_places(graph, (self.at,), "a bottleneck")
        shape = graph.shapes()[place]
        if shape[0] <= self.channels:
            raise CannotSplit(f"{place} has {shape[0]} channels; a bottleneck of {self.channels} saves nothing")
        layers: list[tuple[str, Layer]] = [("encode", Linear(self.channels)), ("encode_relu", ReLU())]
        layers.append(("decode", Linear(shape[0])))
        if len(shape) == 3:
            layers = [
                ("encode", Conv2d(self.channels, 1, bias=False)),
                ("encode_norm", BatchNorm2d()),
                ("encode_relu", ReLU()),
                ("decode", Conv2d(shape[0], 1, bias=False)),
                ("decode_norm", BatchNorm2d()),
            ]
        nodes: list[Node] = []
        for node in graph.nodes:
            end = layers[-1][0]
            nodes.append(replace(node, inputs=tuple(end if name == place else name for name in node.inputs)))
            if node.name == place:
                for number, (name, layer) in enumerate(layers):
                    nodes.append(Node(name, layer, (layers[number - 1][0] if number else place,)))
        return Graph(graph.sample, tuple(nodes), graph.output, graph.features)
