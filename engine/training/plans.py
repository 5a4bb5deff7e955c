"""Which way a block of clients is computed: a pure function of shapes and spec, from a fixed table.

Nothing is timed at run time: the same spec gives the same plan, and so the same bits, on every machine. The table's
figures were measured once with ``benchmarks/federated.py`` and are changed only together with ``NUMERICS_VERSION``.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from engine.core.json import JsonValue
from engine.training.chain import Chain
from engine.training.local import LocalRule, defines
from engine.training.optimizers.sgd import Sgd
from engine.training.settings import LocalSettings

STACKED_BYTES = 8 << 20
"""Weights of a stacked block at most: about what stays in the last cache level beside the other worker's."""

CLIENTS_PER_BLOCK = 128
"""Clients of a stacked block at most: operator calls are cheap enough by then, and shards still get blocks."""

BLOCK_BYTES = 32 << 20
"""Inputs of a block at most that trains a whole round at once, for the memory that the process keeps for them."""

GRAM_BYTES = 2 << 20
"""First-layer weights of a block from which on the Gram form pays: below, they stay in the cache between steps."""

GRAM_STEPS = 8
"""Steps per Gram block; 6 to 10 were equally good, fewer write the weights too often, more cost quadratic work."""

EPOCH_ROWS = 64
"""Visits of samples per client and round up to which the whole round is one Gram block, whatever else holds."""

WHOLE_VISITS = 600
"""The same where Gram matrices are kept between rounds, or clients have at most ``EPOCH_ROWS`` samples."""

WHOLE_PRODUCTS = 4 << 20
"""Inner products of visits in a block at most, 16 MB."""

GRAM_KEPT_BYTES = 160 << 20
"""Gram matrices that a process keeps between rounds at most."""

WHOLE_TURNS = 4
"""How often a client must be expected to take part for its Gram matrix to be worth its making."""

COHORT_BATCH = 64
"""Batch size up to which stacking pays on layers of any width; above, one client fills the matrix kernels."""

COHORT_PARAMETERS = 2_000_000
"""Parameters of one model up to which stacking pays."""


@dataclass(frozen=True)
class Plan:
    """How a round's clients are computed.

    Attributes:
        path: several clients stacked (``cohort``) or one after another by autograd (``per_client``).
        clients_per_block: clients that make one block of work.
        gram_steps: local steps per Gram block of the first layer; 0 computes every step directly.
        forms_weights: whether each client's weights are formed; False only sums the updates as a whole.
        reason: why, in words for the run's log.
    """

    path: Literal["cohort", "per_client"]
    clients_per_block: int
    gram_steps: int
    forms_weights: bool
    reason: str

    def to_values(self) -> dict[str, JsonValue]:
        """The plan as plain JSON, for states and blocks."""
        return {**asdict(self)}

    @classmethod
    def from_values(cls, values: JsonValue) -> "Plan":
        """The plan of :meth:`to_values`."""
        assert isinstance(values, dict)
        fields: Any = values
        return cls(**fields)

    def describe(self) -> str:
        """One sentence for the run's log."""
        if self.path == "per_client":
            return f"clients train one after another ({self.reason})"
        form = f"first layer in Gram form over {self.gram_steps} steps" if self.gram_steps else "every step directly"
        who = "1 client trains" if self.clients_per_block == 1 else f"{self.clients_per_block} clients train"
        return f"{who} stacked, {form} ({self.reason})"


@dataclass(frozen=True)
class Shapes:
    """The sizes on which a plan depends.

    Attributes:
        chain: the model as a chain of linear layers, None if it is none.
        cohort_size: clients per round.
        most_samples: samples of the largest client, as far as the spec tells.
        needs_weights: whether something besides the rule looks at single clients' weights.
        augments: whether samples are changed at random each time they are used.
        is_private: whether local steps are differentially private.
        num_clients: clients in all; 0 if that is not known.
        rounds: rounds in which clients hold the samples that they hold now.
    """

    chain: Chain | None
    cohort_size: int
    most_samples: int
    needs_weights: bool = False
    augments: bool = False
    is_private: bool = False
    num_clients: int = 0
    rounds: int = 1

    def keeps_gram(self) -> bool:
        """Whether the clients' Gram matrices can be kept, and are used often enough for that."""
        if not self.num_clients or 4 * self.num_clients * self.most_samples**2 > GRAM_KEPT_BYTES:
            return False
        return self.rounds * self.cohort_size >= WHOLE_TURNS * self.num_clients


def cohort_obstacle(
    rule: LocalRule, chain: Chain | None, *, augments: bool = False, is_private: bool = False, is_sgd: bool = True
) -> str:
    """Why the stacked path cannot compute this rule and model, empty if it can.

    Args:
        rule: the method's hooks.
        chain: the model, None if it is no chain of linear layers.
        augments: whether samples are changed at random each time they are used.
        is_private: whether local steps are differentially private.
        is_sgd: whether local steps are those of SGD.
    """
    if chain is None:
        return "the model is not a chain of linear layers and ReLUs"
    if augments:
        return "samples are augmented, which the stacked path has no form for"
    if is_private:
        return "local steps are differentially private, which the stacked path has no form for"
    if not is_sgd:
        return "local steps are not SGD, and the stacked path forms no gradient of single parameters"
    if defines(rule, "prepare"):
        return "the strategy prepares each client by itself, which the stacked path has no form for"
    if defines(rule, "loss_term") and not defines(rule, "feature_gradient"):
        return "the strategy has a loss term without a feature gradient"
    return ""


def plan_for(rule: LocalRule, settings: LocalSettings, shapes: Shapes) -> Plan:
    """The plan of a task: the forced path if there is one, else by the table.

    Raises:
        ValueError: the stacked path is forced where it cannot be; ``check`` reports this before.
    """
    obstacle = cohort_obstacle(
        rule, shapes.chain, augments=shapes.augments, is_private=shapes.is_private,
        is_sgd=isinstance(settings.optimizer, Sgd),
    )  # fmt: skip
    if settings.path == "cohort" and obstacle:
        raise ValueError(f"local.path is cohort, but {obstacle}")
    if settings.path == "per_client" or obstacle:
        return _per_client(obstacle or "forced by local.path")
    assert shapes.chain is not None
    parameters = sum(layer.outputs * (layer.inputs + 1) for layer in shapes.chain)
    if settings.path == "auto" and (settings.batch_size > COHORT_BATCH or parameters > COHORT_PARAMETERS):
        return _per_client("one client fills the kernels at this batch size and width")
    return _stacked(rule, settings, shapes, parameters)


def _per_client(reason: str) -> Plan:
    return Plan(path="per_client", clients_per_block=1, gram_steps=0, forms_weights=True, reason=reason)


def _stacked(rule: LocalRule, settings: LocalSettings, shapes: Shapes, parameters: int) -> Plan:
    assert shapes.chain is not None
    plain = not (settings.momentum or settings.weight_decay or defines(rule, "linear_term"))
    visits = shapes.most_samples * settings.epochs
    whole = not rule.has_own_models and _is_whole(shapes, visits)
    forms = not whole or shapes.needs_weights or defines(rule, "finish")
    most = CLIENTS_PER_BLOCK if not forms else max(1, min(CLIENTS_PER_BLOCK, STACKED_BYTES // (4 * parameters)))
    most = max(1, min(most, _most_whole(shapes.chain, shapes.most_samples, visits))) if whole else most
    blocks = -(-shapes.cohort_size // most)
    clients = -(-shapes.cohort_size // blocks)
    first = shapes.chain[0]
    wide = plain and 4 * clients * first.inputs * first.outputs >= GRAM_BYTES
    steps = -(-visits // settings.batch_size) + settings.epochs if whole else GRAM_STEPS if wide else 0
    reason = "forced by local.path" if settings.path == "cohort" else "small linear model"
    return Plan(path="cohort", clients_per_block=clients, gram_steps=steps, forms_weights=forms, reason=reason)


def _most_whole(chain: Chain, samples: int, visits: int) -> int:
    """Clients of a block at most that trains a whole round at once, each with so many samples and visits of them."""
    return min(BLOCK_BYTES // max(1, 4 * samples * chain[0].inputs), WHOLE_PRODUCTS // max(1, visits**2))


def _is_whole(shapes: Shapes, visits: int) -> bool:
    """Whether a round is one Gram block: it costs the square of the visits, steps cost visits times inputs."""
    assert shapes.chain is not None
    if visits <= EPOCH_ROWS:
        return True
    if visits > min(WHOLE_VISITS, shapes.chain[0].inputs):
        return False
    return shapes.most_samples <= EPOCH_ROWS or shapes.keeps_gram()
