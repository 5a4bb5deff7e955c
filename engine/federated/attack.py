"""The contract of attacks: what malicious clients do to their samples and to the updates that they send."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, final

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.core.sample import SampleSpec
from engine.data.pixels import Pixels


@dataclass(frozen=True)
class Target:
    """What an attacker knows of the task.

    Attributes:
        sample: shape and meaning of a sample.
        pixels: how images are standardized; None for samples that are not pictures.
    """

    sample: SampleSpec
    pixels: Pixels | None = None


class Attack(Component):
    """What the malicious clients of a fleet do; they work together and know each other.

    A member that poisons changes a malicious client's samples before it trains as the others do. A member that crafts
    replaces what the malicious clients of a round send. It keeps nothing between rounds.
    """

    poisons: ClassVar[bool] = False
    """Whether malicious clients train on changed samples."""

    crafts: ClassVar[bool] = False
    """Whether malicious clients send other updates than they trained, made with knowledge of the round's updates."""

    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of all clients that are malicious, drawn once for the run; how many of them a round has is up to chance
    unless all clients take part."""

    @final
    def num_malicious(self, num_clients: int) -> int:
        """How many of all clients are malicious."""
        return round(self.fraction * num_clients)

    @final
    def malicious(self, num_clients: int, draw: np.random.Generator) -> np.ndarray:
        """The ids of the malicious clients, ascending."""
        count = self.num_malicious(num_clients)
        return np.sort(draw.choice(num_clients, size=count, replace=False, shuffle=False))

    def poison(
        self, x: np.ndarray, y: np.ndarray, target: Target, draw: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The samples on which a malicious client trains: as many as it has, in new arrays where they differ.

        Args:
            x: (N, *sample) inputs of the client.
            y: (N,) or (N, T) labels.
            target: the task.
            draw: the client's own random stream, the same in every round.
        """
        return x, y

    def craft(self, updates: np.ndarray, is_malicious: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """What the malicious clients of a round send, (f, P), in the order of their rows.

        Args:
            updates: (m, P) what every client of the round would send in good faith, one a row; not to be changed.
            is_malicious: (m,) bool, f of them set, at least one.
            draw: the round's own random stream.
        """
        own: np.ndarray = updates[is_malicious]
        return own

    @final
    def crafted(self, updates: np.ndarray, is_malicious: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """The updates that the server gets, (m, P): those of honest clients as they are, in the same array."""
        if self.crafts and is_malicious.any():
            updates[is_malicious] = self.craft(updates, is_malicious, draw)
        return updates

    def trigger(self, x: np.ndarray, y: np.ndarray, target: Target) -> tuple[np.ndarray, np.ndarray] | None:
        """Test samples with the attacker's mark, and the labels that the attacker wants for them.

        The share of them that the model labels so is the attack's success. None for an attack without a mark.
        """
        return None

    def check(self, target: Target, num_clients: int) -> list[Problem]:
        """What is wrong with the attack on this task; paths are relative to it. Members extend :meth:`unfit`."""
        return [*self._nobody(num_clients), *self.unfit(target)]

    def unfit(self, target: Target) -> list[Problem]:
        """What of the attack does not fit the samples."""
        return []

    def _nobody(self, num_clients: int) -> list[Problem]:
        if self.num_malicious(num_clients):
            return []
        message = (
            f"a share of {self.fraction:g} of {num_clients} devices is no device; take at least {1 / num_clients:.3g}"
        )
        return [Problem("fraction", "nobody_malicious", message)]


attacks: Registry[Attack] = Registry("attacks", "engine.federated.attacks", Attack, title="Attack")
"""All attacks by kind."""
