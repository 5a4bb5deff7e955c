"""Clients that tell the loss of the current model before a round's cohort is chosen among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.federated.layout import DOWN, graph_of, population_of
from engine.federated.rounds.holdings import own_samples
from engine.federated.rounds.messages import flat, grouped
from engine.federated.rounds.sessions import Sessions
from engine.federated.strategy import Groups
from engine.task.contract import Block, BlockResult, Context

if TYPE_CHECKING:
    from engine.federated.task import Federated

ASK = "ask"
"""First name of the blocks in which clients measure the model."""

ASKED_PER_BLOCK = 32
"""Clients that measure it in one block; a fixed number, so that blocks are the same whoever computes them."""

LOSSES = "losses"
"""The array that they give."""

ANSWER_BYTES = 4
"""A loss travels as one number in four bytes."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """One row for each of a clients that were asked, ascending by id.

    Attributes:
        client: (a,) ids.
        samples: (a,) samples on which each measures the model.
        bytes_down: (a,) payload of the model.
    """

    client: Ints
    samples: Ints
    bytes_down: Ints

    @classmethod
    def of(cls, clients: Ints, samples: Ints, bytes_down: int) -> Self:
        """Clients that all receive the same message."""
        return cls(clients, np.asarray(samples, dtype=np.int64), np.full(len(clients), bytes_down, dtype=np.int64))

    @classmethod
    def from_columns(cls, columns: Mapping[str, Ints]) -> Self:
        """Who was asked, from a round's columns; nobody where there are none."""
        none = np.zeros(0, dtype=np.int64)
        return cls(*(columns.get(name, none) for name in ("asked", "asked_samples", "asked_bytes_down")))

    @classmethod
    def nobody(cls) -> Self:
        """Where no client is asked."""
        return cls.from_columns({})

    def columns(self) -> dict[str, Ints]:
        """The rows as named columns, for states; none where nobody was asked."""
        if not len(self.client):
            return {}
        return {"asked": self.client, "asked_samples": self.samples, "asked_bytes_down": self.bytes_down}

    def spares(self, sessions: Sessions) -> Sessions:
        """The sessions of a round in which those that were asked do not receive the model again."""
        has_it = np.isin(sessions.client, self.client) & (sessions.bytes_down > 0)
        return replace(sessions, bytes_down=np.where(has_it, 0, sessions.bytes_down)) if has_it.any() else sessions


def add_asked(builder: TraceBuilder, work: Work, asked: Asked) -> Ints:
    """Add the model on its way to those that are asked, one forward pass over their samples, and their answers.

    Returns:
        (a,) the items of the answers.
    """
    received = builder.send(SERVER, asked.client, asked.bytes_down, new_connection=True, phase="download")
    measured = builder.compute(asked.client, work, asked.samples, mode="infer", after=received, phase="compute")
    answers = np.full(len(asked.client), ANSWER_BYTES, dtype=np.int64)
    return builder.send(asked.client, SERVER, answers, new_connection=False, after=measured, phase="upload")


def ask_blocks(number: int, clients: Ints, down: Groups, macs: np.ndarray) -> list[Block]:
    """The blocks in which clients measure the model that they received.

    Args:
        number: the round, from 1.
        clients: (a,) ids, ascending.
        down: the message as it arrives.
        macs: (a,) multiply-accumulates that each takes.
    """
    arrays = flat(DOWN, down)
    return [
        Block(
            name=(ASK, number, first // ASKED_PER_BLOCK),
            clients=tuple(clients[first : first + ASKED_PER_BLOCK].tolist()),
            inputs=arrays,
            values={"round": number},
            macs=float(macs[first : first + ASKED_PER_BLOCK].sum()),
        )
        for first in range(0, len(clients), ASKED_PER_BLOCK)
    ]


def compute_losses(task: "Federated", context: Context, block: Block) -> BlockResult:
    """The mean loss of the model on each client's own training samples; 0 for a client that has none."""
    from engine.training.arrays import as_tensor, as_tensors
    from engine.training.evaluation import mean_losses, module_for

    population = population_of(task, context)
    clients = np.asarray(block.clients, dtype=np.int64)
    holds = population.num_samples(clients) > 0
    losses = np.zeros(len(clients))
    if holds.any():
        number: Any = block.values["round"]
        samples = own_samples(task, context, number, clients[holds].tolist())
        arrays = grouped(DOWN, block.inputs)["weights"]
        weights = as_tensors(arrays)
        module = module_for(graph_of(task, context), context.cache, next(iter(weights.values())).dtype)
        x, y = as_tensor(samples.x, next(iter(arrays.values())).dtype), as_tensor(samples.y)
        losses[holds] = mean_losses(module, weights, x, y, samples.places)
    return BlockResult(tensors={LOSSES: losses})


def losses_of(task: "Federated", context: Context, blocks: Sequence[Block]) -> np.ndarray:
    """The losses of such blocks, (a,), computed wherever the executor likes."""
    context.executor.offer(task, context, blocks)
    return np.concatenate([context.executor.run(task, context, block).tensors[LOSSES] for block in blocks])
