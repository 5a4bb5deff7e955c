"""Targets of activations as a synthesizer uses them, and the distance to them."""

from torch import Tensor
from torch.nn import functional

from engine.core.errors import EngineError
from engine.datafree.images.views import Seen, SynthesisView
from engine.datafree.owner.spread import Layer, Spread
from engine.models.graph import INPUT, Graph
from engine.models.layers import AvgPool2d, Dropout, Flatten, GlobalAvgPool, MaxPool2d, ReLU

KEEPS_SIGN = (AvgPool2d, Dropout, Flatten, GlobalAvgPool, MaxPool2d)
"""Layers whose output has no negative numbers if their input has none."""


def spread_for(view: SynthesisView) -> Spread:
    """Centers and directions of the metadata.

    Raises:
        EngineError: there is no metadata, or none of activations.
    """
    file = view.metadata
    spread = None if file is None else file.settings.spread(file.tensors)
    if spread is None:
        raise EngineError("This synthesizer needs metadata of activations: activation_clusters or class_gaussians.")
    return spread


def relative_distance(view: SynthesisView, layer: Layer, seen: Seen, targets_BD: Tensor) -> Tensor:
    """‖a − t‖² / ‖t‖², mean over the batch.

    Where no activation can be negative, negative parts of targets count as 0. Logits are compared after a ReLU on both
    sides, as in the public code of R. G. Lopes et al., Data-Free Knowledge Distillation, 2017.
    """
    activations = seen.logits if layer == "logits" else seen.features
    if layer == "logits":
        activations = functional.relu(activations)
    if layer == "logits" or is_rectified(view.teacher.graph):
        targets_BD = functional.relu(targets_BD)
    lengths = targets_BD.square().sum(dim=1).clamp(min=1e-12)
    return ((activations - targets_BD).square().sum(dim=1) / lengths).mean()


def is_rectified(graph: Graph) -> bool:
    """Whether the penultimate features of a model cannot be negative, as far as its layers tell."""
    nodes = {node.name: node for node in graph.nodes}
    name = graph.features
    while name != INPUT:
        node = nodes[name]
        if isinstance(node.layer, ReLU):
            return True
        if not isinstance(node.layer, KEEPS_SIGN):
            return False
        name = node.inputs[0]
    return False
