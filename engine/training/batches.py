"""Which samples a client visits in which step: a function of seed, client and round alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.streams import stream, streams


@dataclass(frozen=True)
class Batches:
    """The local steps of several clients, padded to the same length.

    C clients, T steps of the longest, B samples a step.

    Attributes:
        rows: (C, T, B), place of each sample within its client's samples; 0 where there is none.
        share: (C, T, B), weight of each sample in its batch's mean; 0 where there is none.
        steps: (C,), local steps of each client.
    """

    rows: np.ndarray
    share: np.ndarray
    steps: np.ndarray

    def first(self, most_steps: Sequence[int]) -> "Batches":
        """The first steps of each client, at most that many."""
        steps = np.minimum(self.steps, np.asarray(most_steps, dtype=self.steps.dtype))
        longest = int(steps.max())
        is_in = np.arange(longest)[None, :, None] < steps[:, None, None]
        return Batches(
            rows=np.where(is_in, self.rows[:, :longest], 0),
            share=np.where(is_in, self.share[:, :longest], self.share.dtype.type(0)),
            steps=steps,
        )


def visiting_order(seed: int, client: int, round_number: int, num_samples: int, epochs: int) -> np.ndarray:
    """A permutation of the client's samples per epoch, (epochs, num_samples)."""
    return _order(stream(seed, *_name(client, round_number)), num_samples, epochs)


def visiting_orders(
    seed: int, clients: Sequence[int], round_number: int, counts: Sequence[int], epochs: int
) -> list[np.ndarray]:
    """The same of many clients.

    Args:
        seed: seed of the run.
        clients: ids.
        round_number: the round.
        counts: samples of each client.
        epochs: permutations of each client.
    """
    draws = streams(seed, [_name(client, round_number) for client in clients])
    return [_order(draw, count, epochs) for draw, count in zip(draws, counts, strict=True)]


def _name(client: int, round_number: int) -> tuple[str, int, int]:
    return "batches", client, round_number


def _order(draw: np.random.Generator, num_samples: int, epochs: int) -> np.ndarray:
    return np.array([draw.permutation(num_samples) for _ in range(epochs)])


def batches_of(orders: Sequence[np.ndarray], batch_size: int, dtype: np.dtype) -> Batches:
    """Cut each client's visiting order (epochs, num_samples) into batches; the last of an epoch may be smaller.

    Args:
        orders: one per client.
        batch_size: samples per step; clients with fewer samples have one smaller step per epoch.
        dtype: floating type of the shares.
    """
    width = min(batch_size, max(order.shape[1] for order in orders))
    steps = np.array([order.shape[0] * -(-order.shape[1] // width) for order in orders])
    shape = (len(orders), int(steps.max()), width)
    rows, share = np.zeros(shape, np.int64), np.zeros(shape, dtype)
    for members, table in _by_shape(orders):
        epochs, count = table.shape[1:]
        per_epoch = -(-count // width)
        padded = np.zeros((len(members), epochs, per_epoch * width), np.int64)
        padded[:, :, :count] = table
        rows[members, : epochs * per_epoch] = padded.reshape(len(members), -1, width)
        weights = np.zeros((epochs, per_epoch, width), dtype)
        weights[:, : count // width] = 1.0 / width
        if count % width:
            weights[:, -1, : count % width] = 1.0 / (count % width)
        share[members, : epochs * per_epoch] = weights.reshape(-1, width)
    return Batches(rows=rows, share=share, steps=steps)


def _by_shape(orders: Sequence[np.ndarray]) -> Iterator[tuple[list[int], np.ndarray]]:
    """The clients with equally many samples, and their orders side by side, (members, epochs, samples)."""
    members: dict[int, list[int]] = {}
    for client, order in enumerate(orders):
        members.setdefault(order.shape[1], []).append(client)
    for clients in members.values():
        yield clients, np.array([orders[client] for client in clients])
