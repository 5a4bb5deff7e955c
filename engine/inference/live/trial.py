"""What is carried out: a plan, the network with its weights, and what requests ask about."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.emulation.fabric import FabricName
from engine.inference.live.exits import ExitRule
from engine.inference.outages.failures import Guard
from engine.models.graph import Graph


@dataclass(frozen=True)
class Trial:
    """What is carried out.

    Attributes:
        guard: the plan, and what is done when devices are lost.
        graph: the network that the pieces are of.
        weights: its weights.
        inputs: (N, *sample.shape) what requests ask about; they begin anew when there are more requests.
        fabric: the tier.
        seed: of losses of packets and jitter.
        deadline_s: the kernel ends everything after so long.
        rule: by what exits answer, of a network that has some.
    """

    guard: Guard
    graph: Graph
    weights: Mapping[str, np.ndarray]
    inputs: np.ndarray
    fabric: FabricName
    seed: int = 0
    deadline_s: float = 600.0
    rule: ExitRule | None = None
