"""The messages and the arithmetic of secure sums, around the sessions of a round."""

from dataclasses import dataclass

from engine.core.nodes import SERVER
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.federated.rounds.sessions import Ints
from engine.privacy.secure_sum import SecureSum
from engine.privacy.secure_traffic import Phase

KEYS, UNMASK = "keys", "unmask"
"""Phases of the ledger: exchange of keys and shares before the model comes, and of shares after the updates."""


@dataclass(frozen=True)
class SecurePhases:
    """What secure sums add to a round.

    Masks need no data, so a device makes them while it waits for the model; the masked update is the session's message.

    Attributes:
        settings: of the sums.
        num_values: entries of an update.
    """

    settings: SecureSum
    num_values: int

    @property
    def bytes_up(self) -> int:
        """Bytes of a masked update."""
        return self.settings.phases(self.num_values, 1)[2].bytes_up

    def open(self, builder: TraceBuilder, clients: Ints, after: int | None) -> int:
        """Add the exchange of keys and of shares.

        Args:
            builder: the trace.
            clients: (m,) all that are called, at least one.
            after: what must end before; None starts with the round.

        Returns:
            A barrier: everybody has the shares of all neighbors, and the masks.
        """
        advertise, share, masked, _ = self.settings.phases(self.num_values, len(clients))
        met = _exchange(builder, clients, advertise, KEYS, after)
        dealt = _exchange(builder, clients, share, KEYS, met)
        return builder.barrier(builder.compute(clients, _work(masked.macs), 1, mode="infer", after=dealt, phase=KEYS))

    def close(self, builder: TraceBuilder, clients: Ints, num_called: int, after: int) -> int:
        """Add the last messages: who arrived, and the shares that take the masks off.

        Args:
            builder: the trace.
            clients: (m,) those whose updates arrived, at least one.
            num_called: clients that exchanged keys.
            after: what must end before.

        Returns:
            A barrier: the server has all shares.
        """
        *_, masked, unmask = self.settings.phases(self.num_values, num_called)
        told = builder.send(SERVER, clients, masked.bytes_down, new_connection=False, after=after, phase=UNMASK)
        opened = builder.compute(clients, _work(unmask.macs), 1, mode="infer", after=told, phase=UNMASK)
        return builder.barrier(
            builder.send(clients, SERVER, unmask.bytes_up, new_connection=False, after=opened, phase=UNMASK)
        )


def _exchange(builder: TraceBuilder, clients: Ints, phase: Phase, name: str, after: int | None) -> int:
    """Every client computes and sends; when all messages are there, the server answers every client."""
    ready = builder.compute(clients, _work(phase.macs), 1, mode="infer", after=after, phase=name)
    sent = builder.send(clients, SERVER, phase.bytes_up, new_connection=after is None, after=ready, phase=name)
    all_there = builder.barrier(sent)
    return builder.barrier(
        builder.send(SERVER, clients, phase.bytes_down, new_connection=False, after=all_there, phase=name)
    )


def _work(macs: int) -> Work:
    return Work(macs={"other": macs})
