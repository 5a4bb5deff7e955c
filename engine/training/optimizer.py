"""The contract of a local optimizer: how a client turns gradients into steps."""

from typing import ClassVar

from engine.core.component import Component
from engine.core.registry import Registry


class LocalOptimizer(Component):
    """How clients turn the gradients of their batches into steps; it starts afresh in every round."""

    moments: ClassVar[int] = 0
    """Tensors of the size of the weights that it keeps beside them; momentum counts by itself."""

    takes_momentum: ClassVar[bool] = True
    """Whether ``local.momentum`` acts."""


optimizers: Registry[LocalOptimizer] = Registry(
    "optimizers", "engine.training.optimizers", LocalOptimizer, title="Local optimizer"
)
"""All local optimizers by kind."""
