"""The blocks of a round: which clients train together, what a block is given, and how its result joins the others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.streams import seed_of
from engine.federated.layout import (
    CALLED,
    CLIENT,
    DOWN,
    OPEN,
    SUM,
    called_of,
    graph_of,
    message_down,
)
from engine.federated.measures.measuring import is_metered
from engine.federated.private import budget
from engine.federated.private.secrecy import MEMBERS
from engine.federated.rounds.asking import ASK, compute_losses
from engine.federated.rounds.holdings import training_samples
from engine.federated.rounds.messages import flat, grouped
from engine.federated.rounds.outgoing import Outgoing
from engine.federated.rounds.route import route_of
from engine.federated.rounds.traffic import macs_per_sample
from engine.federated.strategy import Groups
from engine.privacy.mechanisms.dp_sgd import DPSGD
from engine.task.contract import Block, BlockResult, Context, State, Tensors
from engine.task.layout import names_of
from engine.training.plans import Plan

if TYPE_CHECKING:
    from engine.federated.task import Federated

STEPS = f"{CALLED}/most_steps"
"""Input of a block in which clients do part of their work: (C,) local steps of each at most."""


def clients_in_blocks(task: "Federated", state: State) -> list[tuple[int, list[int]]]:
    """The open round's clients in blocks: neighbors in the order of the cohort, never by who computes.

    Returns:
        For each block the part of the cohort to which its clients belong (the gateway, where there are such), and
        their ids.
    """
    size = Plan.from_values(state.values["plan"]).clients_per_block
    return [
        (part, clients[first : first + size])
        for part, clients in task.coordination.parts(state)
        for first in range(0, len(clients), size)
    ]


def make_block(task: "Federated", context: Context, state: State, what: tuple[int, int, list[int]]) -> Block:
    """A block of the open round.

    Args:
        task: the task.
        context: fleet and data.
        state: the state with the open round.
        what: place of the block in the round, the part of the cohort to which it belongs, and its clients.
    """
    place, portion, clients = what
    encoded = {name: state.tensors[name] for name in names_of(DOWN, state.tensors)}
    down = encoded or flat(DOWN, message_down(task, context, task.coordination.groups(state, portion)))
    number: Any = state.values["round"]
    called = called_of(state)
    rows = np.searchsorted(called.client, clients)
    partial = {} if state.values["whole"] else {STEPS: called.steps[rows]}
    members = {} if task.secure_aggregation is None else {MEMBERS: called.client}
    return Block(
        name=("train", number, place),
        clients=tuple(clients),
        inputs={**down, **partial, **members},
        values={"round": number, "plan": state.values["plan"], "meter": is_metered(task, number), **budget.kept(state)},
        client_states={client: state.clients[client] for client in clients if client in state.clients},
        macs=float(called.samples[rows].sum()) * macs_per_sample(task, context),
    )


def compute_block(task: "Federated", context: Context, block: Block) -> BlockResult:
    """Train the block's clients, and send their updates on their way; or let them tell the loss of the model."""
    if block.name[0] == ASK:
        return compute_losses(task, context, block)
    return task.coordination.compute(task, context, block)


def train(task: "Federated", context: Context, block: Block) -> BlockResult:
    """Train the block's clients from the message that all of them got."""
    from engine.training.block import BlockJob, train_block

    down = grouped(DOWN, block.inputs)
    number: Any = block.values["round"]
    outgoing = None if route_of(task).is_plain else Outgoing(task, context, block)
    outcome = train_block(
        BlockJob(
            graph=graph_of(task, context),
            plan=Plan.from_values(block.values["plan"]),
            rule=task.strategy,
            settings=task.local,
            augment=task.augment,
            seed=_seed(context, block),
            round_number=number,
            clients=block.clients,
            samples=training_samples(task, context, number, block.clients),
            down=down,
            states=_states_of(task, block, down["weights"]),
            meter=bool(block.values["meter"]),
            outgoing=outgoing,
            most_steps=None if STEPS not in block.inputs else block.inputs[STEPS].tolist(),
            privacy=task.privacy if isinstance(task.privacy, DPSGD) else None,
            cache=context.cache,
            team=context.team,
        )
    )
    columns = {"loss": outcome.losses.astype(np.float64), "steps": outcome.steps, "samples": outcome.passed}
    if outcome.activations is not None:
        columns["activations"] = outcome.activations
    sent = flat(SUM, outcome.summed) if outgoing is None else outgoing.tensors()
    return BlockResult(
        tensors={**sent, **{f"{OPEN}/{name}": column for name, column in columns.items()}},
        values={"weight": outcome.weight if outgoing is None else outgoing.weight},
        clients=_kept(task, block, outcome.states, outgoing),
    )


def fold(state: State, result: BlockResult) -> State:
    """Add a block to the open round; blocks come in order, so the sum has the same bits whoever computed them."""
    folded = dict(result.tensors)
    for key, array in result.tensors.items():
        earlier = state.tensors.get(key)
        if earlier is not None:
            folded[key] = np.concatenate([earlier, array]) if key.startswith(f"{OPEN}/") else earlier + array
    weight, added, place = (state.values["weight"], result.values["weight"], state.values["block"])
    assert isinstance(weight, float)
    assert isinstance(added, float)
    assert isinstance(place, int)
    return state.replace(values={"weight": weight + added, "block": place + 1}, tensors=folded, clients=result.clients)


def _seed(context: Context, block: Block) -> int:
    """The seed of local training; another one for a client that trains on the same model again."""
    again: Any = block.values.get("again", 0)
    return seed_of(context.seed, "again", again) if again else context.seed


def _states_of(task: "Federated", block: Block, weights: Mapping[str, np.ndarray]) -> dict[int, Any]:
    """The state of every client of a block; one that takes part for the first time gets its initial state."""
    states = {client: grouped(CLIENT, tensors) for client, tensors in block.client_states.items()}
    states = {client: groups for client, groups in states.items() if groups}
    for client in block.clients:
        if client not in states:
            fresh = task.strategy.init_client(weights)
            if fresh is not None:
                states[client] = {group: dict(arrays) for group, arrays in fresh.items()}
    return states


def _kept(
    task: "Federated", block: Block, states: Mapping[int, Groups], outgoing: Outgoing | None
) -> dict[int, Tensors]:
    """The new tensors of the block's clients: of the strategy, and of the encoders that keep something."""
    kept: dict[int, Tensors] = {client: flat(CLIENT, groups) for client, groups in states.items()}
    if outgoing is None or not task.encoding.keeps_memory:
        return kept
    for client in block.clients:
        before = block.client_states.get(client, {})
        mine = kept.get(client) or {name: before[name] for name in names_of(CLIENT, before)}
        kept[client] = {**mine, **outgoing.memory(client)}
    return kept
