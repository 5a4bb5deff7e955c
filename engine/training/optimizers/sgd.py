"""Stochastic gradient descent."""

from typing import ClassVar, Literal

from engine.training.optimizer import LocalOptimizer, optimizers


@optimizers.register
class Sgd(LocalOptimizer):
    """Stochastic gradient descent, with ``momentum``, ``nesterov`` and ``weight_decay`` of the local settings."""

    source: ClassVar[str] = (
        "Robbins, Monro, A Stochastic Approximation Method, 1951; momentum as in Sutskever et al., ICML 2013, in the "
        "form of PyTorch"
    )
    equation: ClassVar[str] = "v ← ρ v + g, w ← w − η v"
    kind: Literal["sgd"] = "sgd"
    """Stochastic gradient descent."""
