"""Where each client of a block starts: the server's model or the best of several, and what never leaves the client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.models.graph import Graph
from engine.models.weights import initial
from engine.training.arrays import Groups, as_tensor, as_tensors
from engine.training.evaluation import mean_losses, module_for
from engine.training.local import OWN, LocalRule, Payload, Tensors, defines


@dataclass(frozen=True)
class Starts:
    """Where the clients of a block start.

    Attributes:
        models: the models to start from; one, unless the rule has candidates.
        choices: (C,) which of them each client takes.
        losses: (C,) mean cross-entropy of each client's start over its own samples; zeros unless measured.
        own: each client's weights and buffers that do not travel; empty mappings if everything does.
    """

    models: Sequence[Tensors]
    choices: np.ndarray
    losses: np.ndarray
    own: Sequence[Tensors]

    @property
    def is_common(self) -> bool:
        """Whether all clients start from the same weights."""
        return len(self.models) == 1 and not self.own[0]

    def of(self, place: int) -> dict[str, Tensor]:
        """The start of one client."""
        return {**self.models[int(self.choices[place])], **self.own[place]}

    def stacked(self, order: np.ndarray) -> Tensors:
        """The start of all, with a leading client axis unless it is common."""
        if self.is_common:
            return self.models[0]
        starts = [self.of(int(place)) for place in order]
        return {name: torch.stack([start[name] for start in starts]) for name in starts[0]}


@dataclass(frozen=True)
class Holdings:
    """The clients of a block with what they hold.

    Attributes:
        clients: ids.
        states: state of each client that has one.
        x: inputs of all samples at hand.
        y: labels.
        places: per client, its rows of ``x``.
    """

    clients: Sequence[int]
    states: Mapping[int, Groups]
    x: Tensor
    y: Tensor
    places: Sequence[np.ndarray]


def private_names(graph: Graph, rule: LocalRule) -> list[str]:
    """The weights and buffers that stay on the clients."""
    if not defines(rule, "is_shared"):
        return []
    return [info.name for info in graph.parameters() if not rule.is_shared(info)]


def starts_of(
    rule: LocalRule, graph: Graph, down: Payload, held: Holdings, *, seed: int, cache: dict[str, Any]
) -> Starts:
    """Where the clients of a block start, a function of the message, their states and their samples.

    Args:
        rule: the method's hooks.
        graph: the model.
        down: the server's message.
        held: the clients.
        seed: seed of the run, for the first values of what does not travel.
        cache: memory for the built module.
    """
    count = len(held.clients)
    candidates = rule.candidates(down) if defines(rule, "candidates") else ()
    models = candidates or (down["weights"],)
    dtype = next(iter(down["weights"].values())).dtype
    own = _own(held, private_names(graph, rule), graph, seed)
    own = [{name: value.to(dtype) for name, value in tensors.items()} for tensors in own]
    if len(models) == 1 and not rule.measures_start:
        return Starts(models, np.zeros(count, np.int64), np.zeros(count), own)
    module = module_for(graph, cache, dtype)
    if own[0]:
        pairs = [({**models[0], **mine}, places) for mine, places in zip(own, held.places, strict=True)]
        losses = np.array([[mean_losses(module, start, held.x, held.y, [rows])[0] for start, rows in pairs]])
    else:
        losses = np.stack([mean_losses(module, model, held.x, held.y, held.places) for model in models])
    choices = losses.argmin(axis=0)
    return Starts(models, choices, losses[choices, np.arange(count)], own)


def _own(held: Holdings, names: Sequence[str], graph: Graph, seed: int) -> list[dict[str, Tensor]]:
    """What every client keeps to itself; one that takes part for the first time has the model's initial values."""
    if not names:
        return [{} for _ in held.clients]
    known = {client: held.states[client][OWN] for client in held.clients if OWN in held.states.get(client, {})}
    fresh: Mapping[str, np.ndarray] = {} if len(known) == len(held.clients) else initial(graph, seed)
    first = {name: as_tensor(fresh[name]) for name in names if fresh}
    return [as_tensors(known[client]) if client in known else first for client in held.clients]
