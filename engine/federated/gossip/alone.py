"""Gossip: devices that train their own models, and mix them with their neighbors'."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.federated.coordination import Met
from engine.federated.coordinations.gossip import Gossip
from engine.federated.gossip.mixing import mixing_matrix
from engine.federated.gossip.peers import MODEL, TRAINED, kept, mean_model, mixed, model_of
from engine.federated.layout import DOWN, OPEN, SERVER, SUM, WAYS, graph_of
from engine.federated.measures.measuring import is_evaluated
from engine.federated.rounds.messages import flat, grouped
from engine.federated.rounds.sessions import Ints
from engine.models.weights import initial
from engine.task.contract import Block, BlockResult, Context, State
from engine.task.layout import part

if TYPE_CHECKING:
    from engine.federated.task import Federated


def start_of(task: "Federated", context: Context) -> dict[str, np.ndarray]:
    """The model that all devices begin with, kept by the process."""
    if "initial" not in context.cache:
        context.cache["initial"] = initial(graph_of(task, context), context.seed)
    found: dict[str, np.ndarray] = context.cache["initial"]
    return found


def train_alone(task: "Federated", context: Context, block: Block) -> BlockResult:
    """Each client of a block trains its own model; what it learned goes into its state until models are mixed."""
    from engine.federated.rounds.blocks import train

    start, columns, clients = start_of(task, context), [], {}
    for client in block.clients:
        before = block.client_states.get(client, {})
        model = model_of(before, start)
        own = replace(
            block, clients=(client,), inputs=flat(DOWN, {"weights": model}),
            client_states={client: kept(before)} if kept(before) else {},
        )  # fmt: skip
        result = train(task, context, own)
        columns.append(part(OPEN, result.tensors))
        weight: Any = result.values["weight"]
        learned = grouped(SUM, result.tensors)["weights"]
        trained = {name: value + learned[name] / weight if name in learned else value for name, value in model.items()}
        clients[client] = {
            **kept(before), **result.clients.get(client, {}),
            **{key: value for key, value in before.items() if key.startswith(f"{MODEL}/")},
            **{f"{TRAINED}/{name}": np.asarray(value, dtype=model[name].dtype) for name, value in trained.items()},
        }  # fmt: skip
    joined = {f"{OPEN}/{name}": np.concatenate([one[name] for one in columns]) for name in columns[0]}
    return BlockResult(tensors=joined, values={"weight": 0.0}, clients=clients)


def meet(task: "Federated", context: Context, state: State, clients: Ints) -> Met:
    """Neighbors mix their models; where the round is evaluated, the mean of all devices' models is made."""
    gossip, start = task.coordination, start_of(task, context)
    assert isinstance(gossip, Gossip)
    ways = part(WAYS, state.tensors)
    pairs = np.stack([ways["one"], ways["other"]], axis=1)
    matrix = mixing_matrix(len(clients), pairs, gossip.weights)
    changed = mixed(state.clients, clients, matrix, start, beside=gossip.mixing == "beside") if len(clients) else {}
    server = grouped(SERVER, state.tensors)
    number: Any = state.values["round"]
    if not is_evaluated(task, number):
        return Met(server, clients=changed)
    mean, distance = mean_model(state.clients.updated(changed), context.fleet.num_devices, start)
    return Met({**server, "weights": mean}, clients=changed, metrics={"consensus_distance": distance})
