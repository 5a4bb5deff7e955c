"""Whether a device can train a model at all: memory and speed."""

from typing import Protocol

from engine.core.errors import Problem
from engine.core.operators import OPERATOR_CLASSES
from engine.costs.work import ModelCosts
from engine.fleet.fleet import Fleet


class TrainingCosts(ModelCosts, Protocol):
    """A model's profile that also knows what training needs."""

    def training_bytes(self, batch: int, optimizer_copies: int = 0) -> int:
        """Memory to train on a batch."""


def memory_problems(
    fleet: Fleet, profile: TrainingCosts, batch_size: int, path: str, *, optimizer_copies: int = 0
) -> list[Problem]:
    """Why the model cannot be trained on some group's device; empty if it can everywhere.

    Args:
        fleet: the devices.
        profile: the model's cost.
        batch_size: samples per step.
        path: place of the model in the document.
        optimizer_copies: further copies of the parameters that optimizer or strategy keep on the device (momentum: 1).
    """
    needed = profile.training_bytes(batch_size, optimizer_copies)
    problems = []
    for name, kind, available in zip(fleet.names, fleet.kinds, fleet.ram_bytes, strict=True):
        if needed > available:
            message = (
                f"training needs {needed:,} bytes of memory (parameters, gradients, {optimizer_copies} optimizer "
                f"copies, activations of a batch of {batch_size}), but group {name!r} ({kind.name}) has "
                f"{int(available):,}; allowed is a smaller model or batch, or another device"
            )
            problems.append(Problem(path, "out_of_memory", message))
        missing = [op for op in OPERATOR_CLASSES if profile.macs.get(op, 0) and kind.rate(op) is None]
        if missing:
            message = (
                f"training needs float arithmetic ({', '.join(missing)}), for which no speed of group {name!r} "
                f"({kind.name}) is known; allowed are devices with a float rate"
            )
            problems.append(Problem(path, "no_speed", message))
    return problems
