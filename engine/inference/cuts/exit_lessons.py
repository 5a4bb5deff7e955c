"""How exits and bottlenecks learn together with their network; torch lives here."""

from collections.abc import Mapping, Sequence

from torch import Tensor, no_grad
from torch.nn import functional

from engine.models.build import GraphModule
from engine.training.supervised import Batch, Loss


def exit_logits(module: GraphModule, heads: Sequence[str], x: Tensor) -> list[Tensor]:
    """(B, K) logits of each early exit, then of the whole network, in one pass.

    Args:
        module: with its exits.
        heads: names of the classifiers of the early exits.
        x: (B, *sample.shape) inputs.
    """
    logits, early = module.forward_with_outputs(x, heads)
    return [*(early[head] for head in heads), logits]


def joint_loss(heads: Sequence[str], weights: Sequence[float]) -> Loss:
    """The weighted sum of the cross entropies of all exits.

    Args:
        heads: names of the classifiers of the early exits.
        weights: of each exit, the last one included.

    Source: Teerapittayanon et al., BranchyNet, ICPR 2016, section III-B.
    """

    def loss(module: GraphModule, batch: Batch, others: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        assert batch.labels is not None, "exits learn from labels"
        found = exit_logits(module, heads, batch.inputs)
        return {
            f"exit{number}": weight * functional.cross_entropy(logits, batch.labels)
            for number, (logits, weight) in enumerate(zip(found, weights, strict=True))
        }

    return loss


def distilling_loss(teacher: GraphModule, soft_weight: float, temperature: float) -> Loss:
    """Labels, and the softened probabilities of the network without bottleneck.

    Args:
        teacher: that network, in evaluation mode.
        soft_weight: part of the loss that its probabilities have.
        temperature: what logits are divided by.

    Source: G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network, arXiv 1503.02531, section 2.
    """

    def loss(module: GraphModule, batch: Batch, others: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        assert batch.labels is not None, "bottlenecks learn from labels too"
        with no_grad():
            target = functional.log_softmax(teacher(batch.inputs) / temperature, dim=1)
        logits = module(batch.inputs)
        found = functional.log_softmax(logits / temperature, dim=1)
        divergence = functional.kl_div(found, target, reduction="batchmean", log_target=True)
        return {
            "cross_entropy": (1 - soft_weight) * functional.cross_entropy(logits, batch.labels),
            "soft_targets": soft_weight * temperature**2 * divergence,
        }

    return loss
