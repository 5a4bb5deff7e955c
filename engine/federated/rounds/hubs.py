"""Gateways that run rounds of their own: their models in the state, their steps, and the server's mean over them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.federated.coordination import Met
from engine.federated.layout import ROWS, SERVER, SUM, WAYS
from engine.federated.rounds.combining import combine, shortfall
from engine.federated.rounds.messages import flat, grouped
from engine.federated.strategy import Groups
from engine.task.contract import Context, State
from engine.task.layout import names_of, part

if TYPE_CHECKING:
    from engine.federated.task import Federated

HUB = "hub"
"""Prefix of the tensors of gateways that have a model of their own, followed by the gateway's number."""


def holders(state: State) -> frozenset[int]:
    """Gateways that have a model of their own."""
    return frozenset(int(name.split("/")[1]) for name in names_of(HUB, state.tensors))


def groups_of(state: State, hub: int) -> Groups:
    """What a gateway has in place of the server; what the server has if it has nothing of its own yet."""
    own = {f"{HUB}/{name}": array for name, array in part(f"{HUB}/{hub}", state.tensors).items()}
    return grouped(HUB, own) if own else grouped(SERVER, state.tensors)


def by_hub(state: State) -> list[tuple[int, list[int]]]:
    """The open round's clients that train, by gateway, both ascending."""
    ways = part(WAYS, state.tensors)
    cohort = np.asarray(state.values["cohort"], dtype=np.int64)
    hubs = ways["hub"][np.searchsorted(ways["began"], cohort)]
    return [(int(hub), cohort[hubs == hub].tolist()) for hub in np.unique(hubs)]


def hub_step(task: "Federated", context: Context, state: State, who: tuple[int, list[int]]) -> State:
    """A gateway makes its step with the updates of its devices that the state holds, and the next one may begin.

    Args:
        task: the task.
        context: fleet and network.
        state: the state with the updates.
        who: number of the gateway, and the ids of its devices whose updates are there, ascending.
    """
    hub, clients = who
    below = int(_devices_below(context)[hub])
    ids = np.array(clients, dtype=np.int64)
    groups = combine(task, context, state, groups_of(state, hub), clients=ids, num_clients=below)
    weights: dict[str, Any] = {**hub_weights(state)}
    weight = state.values["weight"]
    assert isinstance(weight, float)
    counts = not shortfall(task, len(clients))  # else the gateway's model stayed as it was
    weights[str(hub)] = weights.get(str(hub), 0.0) + weight * counts
    return state.replace(
        values={"hub_weights": weights, "weight": 0.0},
        tensors=flat(f"{HUB}/{hub}", groups),
        drop=[name for prefix in (SUM, ROWS) for name in names_of(prefix, state.tensors)],
    )


def _devices_below(context: Context) -> np.ndarray:
    """How many devices are below each gateway, kept by the process."""
    if "devices_below" not in context.cache:
        context.cache["devices_below"] = np.bincount(context.network.gateway_of)
    counts: np.ndarray = context.cache["devices_below"]
    return counts


def mean_of_hubs(state: State) -> Groups:
    """The mean over the gateways that have a model of their own, weighted by what was trained under each."""
    weights = hub_weights(state)
    total = sum(weights.values())
    server = {group: dict(arrays) for group, arrays in grouped(SERVER, state.tensors).items()}
    if not total:
        return server
    sums: dict[tuple[str, str], np.ndarray] = {}
    for hub in sorted(holders(state)):
        share = weights[str(hub)] / total
        for group, arrays in groups_of(state, hub).items():
            for name, array in arrays.items():
                sums[group, name] = sums.get((group, name), np.float64(0)) + share * array.astype(np.float64)
    for (group, name), value in sums.items():
        kind = server[group][name].dtype
        server[group][name] = (np.rint(value) if np.issubdtype(kind, np.integer) else value).astype(kind)
    return server


def meet(state: State, *, is_final: bool) -> Met:
    """The server takes the mean over the gateways, which give up theirs; or it keeps what it has."""
    if not is_final:
        return Met(grouped(SERVER, state.tensors))
    return Met(mean_of_hubs(state), values={"hub_weights": {}}, drop=list(names_of(HUB, state.tensors)))


def hub_weights(state: State) -> dict[str, float]:
    """By number of the gateway, the weights of all updates since it fetched the server's model."""
    found: Any = state.values.get("hub_weights", {})
    return dict(found)
