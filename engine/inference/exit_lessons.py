"""How exits learn together with their network, and what they say; torch lives here."""

from collections.abc import Mapping, Sequence

from torch import Tensor
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
