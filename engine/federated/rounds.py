"""The rounds of a federated task: blocks are trained one by one, folded in order, and complete the round."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.events import Event
from engine.core.json import JsonValue
from engine.federated import closing
from engine.federated.layout import CLIENT, DOWN, OPEN, SERVER, SUM, graph_of, population_of
from engine.federated.messages import flat, grouped, travels
from engine.federated.opening import open_round
from engine.federated.traffic import macs_per_sample
from engine.models.graph import Graph
from engine.models.weights import initial
from engine.task.contract import Block, BlockResult, Context, State
from engine.training.chain import chain_of
from engine.training.plans import Plan, Shapes, plan_for

if TYPE_CHECKING:
    from engine.federated.task import Federated


def make_plan(task: "Federated", graph: Graph, *, num_clients: int, most_samples: int) -> Plan:
    """How the task's clients are computed.

    Args:
        task: the task.
        graph: its model.
        num_clients: clients in all.
        most_samples: samples of the largest client.
    """
    shapes = Shapes(
        chain=chain_of(graph),
        cohort_size=task.sampler.cohort_size(num_clients),
        most_samples=most_samples,
        needs_weights=task.evaluation.divergence,
        augments=bool(task.augment),
    )
    return plan_for(task.strategy, task.local, shapes)


def begin(task: "Federated", context: Context) -> State:
    """The state before the first round; loads the data, so that a missing set is told at once."""
    graph, population = graph_of(task, context), population_of(task, context)
    population.test()
    weights = initial(graph, context.seed)
    num_clients = context.fleet.num_devices
    plan = make_plan(task, graph, num_clients=num_clients, most_samples=int(population.sizes.max()))
    values: dict[str, JsonValue] = {
        "round": 1, "block": 0, "cohort": None, "dropped": [], "absent": {}, "weight": 0.0, "reason": "",
        "num_clients": num_clients, "plan": plan.to_values(), "totals": dict.fromkeys(closing.TOTALS, 0.0),
        "metrics": {},
    }  # fmt: skip
    return State(values=values, tensors=flat(SERVER, task.strategy.init_server(weights)))


def step(task: "Federated", context: Context, state: State) -> tuple[State, list[Event]]:
    """Compute the next block of the open round; with its last one, close the round."""
    state = state if state.values["cohort"] is not None else open_round(task, context, state)
    blocks = _block_clients(state)
    place: Any = state.values["block"]
    if blocks:
        coming = (_make_block(task, context, state, (at, blocks[at])) for at in range(place, len(blocks)))
        context.executor.offer(task, context, coming)
        block = _make_block(task, context, state, (place, blocks[place]))
        state = _fold(state, context.executor.run(task, context, block))
    if place + 1 < len(blocks):
        return state, []
    return closing.close_round(task, context, state)


def _block_clients(state: State) -> list[list[int]]:
    """The open round's clients in blocks: neighbors in the ascending order of ids, never by who computes."""
    cohort: Any = state.values["cohort"]
    size = Plan.from_values(state.values["plan"]).clients_per_block
    return [cohort[first : first + size] for first in range(0, len(cohort), size)]


def _make_block(task: "Federated", context: Context, state: State, what: tuple[int, list[int]]) -> Block:
    """The block of that place in the round, of those clients."""
    place, clients = what
    only_shared = travels(task.strategy, graph_of(task, context))
    down = only_shared(task.strategy.message_down(grouped(SERVER, state.tensors)))
    number, plan = state.values["round"], state.values["plan"]
    assert isinstance(number, int)
    samples = population_of(task, context).num_samples(np.asarray(clients)).sum() * task.local.epochs
    return Block(
        name=("train", number, place),
        clients=tuple(clients),
        inputs=flat(DOWN, down),
        values={"round": number, "plan": plan, "meter": closing.is_metered(task, number)},
        client_states={client: state.clients[client] for client in clients if client in state.clients},
        macs=float(samples) * macs_per_sample(task, context),
    )


def compute_block(task: "Federated", context: Context, block: Block) -> BlockResult:
    """Train the block's clients."""
    from engine.training.block import BlockJob, train_block

    graph, population = graph_of(task, context), population_of(task, context)
    down = grouped(DOWN, block.inputs)
    number: Any = block.values["round"]
    outcome = train_block(
        BlockJob(
            graph=graph,
            plan=Plan.from_values(block.values["plan"]),
            rule=task.strategy,
            settings=task.local,
            augment=task.augment,
            seed=context.seed,
            round_number=number,
            clients=block.clients,
            samples=population.samples(block.clients),
            down=down,
            states=_states_of(task, block, down["weights"]),
            meter=bool(block.values["meter"]),
            cache=context.cache,
        )
    )
    samples = population.num_samples(np.asarray(block.clients)) * task.local.epochs
    columns = {"loss": outcome.losses.astype(np.float64), "steps": outcome.steps, "samples": samples}
    if outcome.activations is not None:
        columns["activations"] = outcome.activations
    return BlockResult(
        tensors={**flat(SUM, outcome.summed), **{f"{OPEN}/{name}": column for name, column in columns.items()}},
        values={"weight": outcome.weight},
        clients={client: flat(CLIENT, groups) for client, groups in outcome.states.items()},
    )


def _states_of(task: "Federated", block: Block, weights: Mapping[str, np.ndarray]) -> dict[int, Any]:
    """The state of every client of a block; one that takes part for the first time gets its initial state."""
    states = {client: grouped(CLIENT, tensors) for client, tensors in block.client_states.items()}
    for client in block.clients:
        if client not in states:
            fresh = task.strategy.init_client(weights)
            if fresh is not None:
                states[client] = {group: dict(arrays) for group, arrays in fresh.items()}
    return states


def _fold(state: State, result: BlockResult) -> State:
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
