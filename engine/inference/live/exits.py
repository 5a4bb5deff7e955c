"""When a request that is carried out leaves at an early exit, and where the simulation says that it does."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.inference.cuts.exits import Policy, confidence, is_sure
from engine.inference.splitters.early_exit import EarlyExitSplitter

if TYPE_CHECKING:
    from engine.inference.task import Inference
    from engine.inference.world import World
    from engine.task.contract import State


@dataclass(frozen=True)
class ExitRule:
    """By what the device of an exit decides.

    Attributes:
        policy: of the network.
        threshold: of the policy.
    """

    policy: Policy
    threshold: float

    def leaving(self, logits: np.ndarray) -> NDArray[np.bool_]:
        """(N,) whether an exit answers.

        Args:
            logits: (N, K) of the exit.
        """
        return is_sure(confidence(logits, self.policy), self.policy, self.threshold)

    def answers(self, logits: np.ndarray) -> bool:
        """The same of one sample's (K,) logits."""
        return bool(self.leaving(logits[None])[0])


def rule_of(task: "Inference") -> ExitRule | None:
    """The rule of a task's exits; None if its network has none."""
    splitter = task.splitter
    return ExitRule(splitter.policy, splitter.threshold) if isinstance(splitter, EarlyExitSplitter) else None


def simulated_exits(world: "World", state: "State", inputs: np.ndarray) -> NDArray[np.int64]:
    """(N,) number of the exit that answers each input, by the pieces in this process; 0 of a network without exits.

    Args:
        world: of the run.
        state: when it is done.
        inputs: (N, *sample.shape).
    """
    rule = rule_of(world.task)
    if rule is None:
        return np.zeros(len(inputs), dtype=np.int64)
    from engine.inference.cuts.execution import answers
    from engine.training.arrays import as_tensor

    said = answers(world.module(state, world.answering), world.planning_in(state).carried, as_tensor(inputs))
    early = [rule.leaving(logits.numpy()) for _, logits in said[:-1]]
    found: NDArray[np.int64] = np.stack([*early, np.ones(len(inputs), dtype=bool)], axis=1).argmax(axis=1)
    return found
