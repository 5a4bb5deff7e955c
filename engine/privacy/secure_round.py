"""One round of a secure sum: masks that cancel, and how the server takes off those that do not."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.core.errors import EngineError
from engine.core.streams import stream
from engine.privacy.fixed_point import FixedPoint
from engine.privacy.keys import Secrets, add_mask, agree, public_key, seal, secrets_of, unseal
from engine.privacy.neighbors import SMALLEST_COHORT, Neighbors, neighbors_of
from engine.privacy.sharing import SECRET_BYTES, SHARE_BYTES, recover, share

MASKS, BOXES = "edgeloom secure sum: mask", "edgeloom secure sum: box"
"""What an agreed key is for; keys for different purposes have nothing in common."""


class SecureSumFailed(EngineError):
    """So many clients went away that the masks of the others cannot be taken off; the round's updates are lost."""

    code = "secure_sum_failed"


@dataclass(frozen=True)
class Opened:
    """The plain sum.

    Attributes:
        summed: (P,) sum of weight times update, in double precision.
        weight: sum of the weights.
    """

    summed: np.ndarray
    weight: float


@dataclass(frozen=True)
class SecureRound:
    """The protocol among the clients that exchanged keys at the start of a round.

    Every client i adds to its encoded vector the stream of its own seed b_i, and for every neighbor j the stream of the
    key agreed with it, with a plus if i < j and a minus otherwise; those cancel in the sum of all. Before, it dealt
    shares of b_i and of its private key to its neighbors, in boxes that the server forwards but cannot open. At the end
    the server learns b_i of every client that arrived, and the private key of every client that did not, never both of
    one client, and takes off what is left.

    Everything is a function of seed, round and clients, so blocks of clients can be masked anywhere.

    Source: Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning, CCS 2017, Figure 4
    (honest but curious server); neighbors as in Bell et al., CCS 2020.

    Attributes:
        seed: seed of the run.
        round_number: the round.
        clients: (n,) ids of those that exchanged keys, ascending.
        degree: neighbors of each client; None for all others.
        threshold: share of a client's neighbors, and of all clients, that must be left at the end.
        codec: form of the updates' entries, for up to n terms.
        shares: form of weights, which are sent along as shares of ``heaviest``.
        heaviest: the largest weight that a client can have; public.
    """

    seed: int
    round_number: int
    clients: tuple[int, ...]
    degree: int | None
    threshold: float
    codec: FixedPoint
    shares: FixedPoint
    heaviest: float
    neighbors: Neighbors = field(init=False, compare=False)

    def __post_init__(self) -> None:
        drawn = neighbors_of(self.clients, self.degree, self.seed, self.round_number)
        object.__setattr__(self, "neighbors", drawn)

    def encode(self, update: np.ndarray, weight: float) -> np.ndarray:
        """What a client adds masks to: its update times its weight, and the weight, (P + 1,).

        An update with entries that are no finite numbers goes as zeros of no weight: there is no form for it, and its
        client's masks must be in the sum all the same.

        Raises:
            ValueError: the weight is negative or above the heaviest.
        """
        if not 0.0 <= weight <= self.heaviest:
            raise ValueError(f"weights are from 0 to {self.heaviest:g}, but this is {weight:g}")
        if not np.isfinite(update).all():
            update, weight = np.zeros(update.shape), 0.0
        part = weight / self.heaviest
        bounded = np.clip(update.astype(np.float64), -self.codec.bound, self.codec.bound)
        return np.concatenate([self.codec.encode(bounded * part), self.shares.encode(np.array([part]))])

    def mask(self, client: int, encoded: np.ndarray) -> np.ndarray:
        """What the server sees of one client: indistinguishable from random numbers."""
        masked, mine = encoded.copy(), self._secrets(client)
        add_mask(masked, mine.own)
        for other in self.neighbors[client]:
            key = agree(mine.mask, public_key(self._secrets(other).mask), MASKS)
            add_mask(masked, key, subtract=other < client)
        return masked

    def open(self, total: np.ndarray, arrived: Collection[int], answered: Collection[int] | None = None) -> Opened:
        """The plain sum from the sum of the masked vectors of those that arrived.

        Args:
            total: (P + 1,) sum modulo the power of two.
            arrived: clients whose masked vectors are in the sum.
            answered: those of them that also handed over their shares at the end; None if all did.

        Raises:
            SecureSumFailed: too few clients are left.
        """
        plain = self.unmask(total, arrived, answered)
        part = float(self.shares.decode(plain[-1:])[0])
        return Opened(self.codec.decode(plain[:-1]) * self.heaviest, part * self.heaviest)

    def unmask(
        self, total: np.ndarray, arrived: Collection[int], answered: Collection[int] | None = None
    ) -> np.ndarray:
        """As :meth:`open`, the sum of the encoded vectors itself."""
        there = set(arrived)
        left = there if answered is None else there & set(answered)
        if obstacle := self.obstacle(left):
            message = f"the secure sum of round {self.round_number} cannot be opened: {obstacle}"
            raise SecureSumFailed(message, remedy="take a lower threshold, more neighbors, or clients that stay")
        plain = total.copy()
        for client in self.clients:
            helpers = [other for other in self.neighbors[client] if other in left]
            if client in there:
                add_mask(plain, self._recover(client, helpers, arrived=True), subtract=True)
                continue
            private = self._recover(client, helpers, arrived=False)
            for other in self.neighbors[client]:
                if other in there:  # its mask with the one that went away is in the sum, and does not cancel
                    key = agree(private, public_key(self._secrets(other).mask), MASKS)
                    add_mask(plain, key, subtract=other < client)
        return plain

    def obstacle(self, left: Collection[int]) -> str:
        """Why the sum cannot be opened with these clients left; empty if it can."""
        if len(self.clients) < SMALLEST_COHORT:
            return f"{len(self.clients)} clients took part, and of fewer than {SMALLEST_COHORT} a sum hides nothing"
        needed, there = max(2, math.ceil(self.threshold * len(self.clients))), set(left)
        if len(there) < needed:
            return f"{len(there)} of {len(self.clients)} clients are left, and {needed} are needed"
        for client in self.clients:
            helpers = sum(other in there for other in self.neighbors[client])
            if helpers < self.shares_needed(client):
                return (
                    f"client {client} has {helpers} of its {len(self.neighbors[client])} neighbors left, and "
                    f"{self.shares_needed(client)} are needed to take off its masks"
                )
        return ""

    def shares_needed(self, client: int) -> int:
        """How many of a client's neighbors must be left."""
        return max(1, math.ceil(self.threshold * len(self.neighbors[client])))

    def boxes(self, owner: int, holders: Sequence[int]) -> list[bytes]:
        """What a client deals: for each holder a box with one share of its private key and one of its own seed."""
        mine, needed = self._secrets(owner), self.shares_needed(owner)
        places = [_place(holder) for holder in holders]
        columns = [
            share(int.from_bytes(secret, "little"), needed, places, self._draw(owner, what))
            for what, secret in (("key", mine.mask), ("own", mine.own))
        ]
        plain = [
            b"".join(part.to_bytes(SHARE_BYTES, "little") for part in parts) for parts in zip(*columns, strict=True)
        ]
        return [seal(self._box_key(owner, other, owner), text) for other, text in zip(holders, plain, strict=True)]

    def answer(self, holder: int, owner: int, box: bytes, *, arrived: bool) -> int:
        """The share that a holder hands to the server: of the owner's own seed if it arrived, else of its key."""
        opened = unseal(self._box_key(holder, owner, owner), box)
        return int.from_bytes(opened[SHARE_BYTES:] if arrived else opened[:SHARE_BYTES], "little")

    def _recover(self, owner: int, helpers: Sequence[int], *, arrived: bool) -> bytes:
        """A secret of a client from as many of its neighbors as are needed."""
        asked = helpers[: self.shares_needed(owner)]
        boxes = self.boxes(owner, asked)
        values = {
            _place(holder): self.answer(holder, owner, box, arrived=arrived)
            for holder, box in zip(asked, boxes, strict=True)
        }
        return recover(values).to_bytes(SECRET_BYTES, "little")

    def _secrets(self, client: int) -> Secrets:
        return secrets_of(self.seed, self.round_number, client)

    def _draw(self, owner: int, what: str) -> np.random.Generator:
        return stream(self.seed, "secure-shares", what, owner, self.round_number)

    def _box_key(self, reader: int, other: int, owner: int) -> bytes:
        """The key of the box with the owner's shares, as one of the two ends finds it."""
        return agree(self._secrets(reader).box, public_key(self._secrets(other).box), f"{BOXES} of {owner}")


def _place(client: int) -> int:
    """Where a client's shares are evaluated: never zero, where the secret is."""
    return client + 1
