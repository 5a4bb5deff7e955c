"""The rounds of a federated task: blocks are trained one by one, folded in order, and complete the round."""

from typing import TYPE_CHECKING, Any

from engine.core.events import Event
from engine.core.json import JsonValue
from engine.federated.layout import SERVER, graph_of, population_of
from engine.federated.private import budget
from engine.federated.private.ending import ended
from engine.federated.rounds.blocks import clients_in_blocks, fold, make_block
from engine.federated.rounds.closing import TOTALS, close_round, closed_values
from engine.federated.rounds.cohorts import remembered
from engine.federated.rounds.messages import flat
from engine.federated.rounds.opening import open_round
from engine.federated.rounds.route import route_of
from engine.models.graph import Graph
from engine.models.weights import initial
from engine.task.contract import Context, State
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
        needs_weights=task.evaluation.divergence or not route_of(task).is_plain,
        augments=bool(task.augment),
        is_private=route_of(task).trains_privately,
        num_clients=num_clients,
        rounds=task.rounds if task.drift is None else 1,
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
        **closed_values(1), "reason": "", "num_clients": num_clients, "plan": plan.to_values(),
        "totals": dict.fromkeys(TOTALS, 0.0), "metrics": {}, **budget.begin(task),
    }  # fmt: skip
    server = flat(SERVER, task.strategy.init_server(weights))
    return State(values=values, tensors={**server, **remembered(task, num_clients)})


def step(task: "Federated", context: Context, state: State) -> tuple[State, list[Event]]:
    """Compute the next block of the open round; with its last one, close the round."""
    if state.values["cohort"] is None:
        state = open_round(task, context, state)
        if (over := ended(task, context, state)) is not None:
            return over
        if task.sampler.asks_losses:
            return state, []  # the clients' losses were a block of their own
    blocks = clients_in_blocks(task, state)
    place: Any = state.values["block"]
    if blocks:
        coming = (make_block(task, context, state, (at, *blocks[at])) for at in range(place, len(blocks)))
        context.executor.offer(task, context, coming)
        block = make_block(task, context, state, (place, *blocks[place]))
        state = fold(state, context.executor.run(task, context, block))
        if place + 1 == len(blocks) or blocks[place + 1][0] != blocks[place][0]:
            state = task.coordination.part_done(task, context, state, blocks[place])
    if place + 1 < len(blocks):
        return state, []
    return close_round(task, context, state)
