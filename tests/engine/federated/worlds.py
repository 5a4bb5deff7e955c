"""Small worlds for tests of the federated task: few devices, the digits that come with a library."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from engine.core.events import Event
from engine.core.json import plain
from engine.costs.model import CostModel
from engine.costs.timing import Method
from engine.data.store import DataStore
from engine.federated.task import Federated
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec
from engine.task.artifacts import ArtifactFolder
from engine.task.contract import Clients, Context, State
from engine.task.local import LocalExecutor
from engine.training.chain import Chain, chain_of
from tests.engine.training.worlds import graph


def context(
    folder: Path,
    *,
    devices: int = 12,
    seed: int = 0,
    fleet: dict[str, Any] | None = None,
    network: NetworkSpec | None = None,
    costs: Method = "closed_form",
) -> Context:
    """A fleet of boards on the default network or another one; nothing of earlier tests is kept."""
    groups = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": devices}]}
    made = FleetSpec.model_validate(fleet or groups).resolve()
    resolved = (network or NetworkSpec()).resolve(made, seed)
    store = DataStore(folder / "data", offline=True)
    return Context(
        seed=seed,
        fleet=made,
        network=resolved,
        cost_model=CostModel(made, resolved, method=costs, seed=seed),
        store=store,
        artifacts=ArtifactFolder(folder / "artifacts"),
        executor=LocalExecutor(),
    )


def task(**changes: Any) -> Federated:
    """A task of two short rounds on digits."""
    tree = {
        "kind": "federated",
        "dataset": {"kind": "digits"},
        "partition": {"kind": "dirichlet", "alpha": 0.5},
        "model": {"kind": "mlp", "hidden": [16]},
        "sampler": {"kind": "uniform", "num_clients": 5},
        "local": {"epochs": 1, "batch_size": 16, "lr": 0.1},
        "rounds": 2,
        **changes,
    }
    return Federated.model_validate(tree)


def run(task: Federated, context: Context, state: State | None = None) -> tuple[State, list[Event]]:
    """From a state, or from the start, to the end."""
    state = state or task.init(context)
    events: list[Event] = []
    while not task.is_done(state):
        state, more = task.step(context, state)
        events += more
    return state, events


def stored_and_loaded(state: State) -> State:
    """The state after a trip through the forms in which checkpoints are stored: JSON and safetensors."""
    values = json.loads(json.dumps(dict(state.values)))
    return State(
        values, _trip(state.tensors), Clients({client: _trip(state.clients[client]) for client in state.clients})
    )


def _trip(tensors: Any) -> dict[str, np.ndarray]:
    return load(save({name: np.ascontiguousarray(array) for name, array in tensors.items()}))


def values_of(events: list[Event], name: str) -> list[float]:
    """One metric, round by round."""
    return [event.body["values"][name] for event in events if event.kind == "metrics" and name in event.body["values"]]


def as_json(events: list[Event]) -> list[Any]:
    """What the log would hold."""
    return [plain(event.model_dump()) for event in events]


def same_tensors(left: State, right: State) -> bool:
    """Bit for bit, clients included."""
    return (
        left.tensors.keys() == right.tensors.keys()
        and all(np.array_equal(array, right.tensors[name]) for name, array in left.tensors.items())
        and list(left.clients) == list(right.clients)
        and all(
            np.array_equal(array, right.clients[client][name])
            for client in left.clients
            for name, array in left.clients[client].items()
        )
    )


def assert_resumes_alike(work: Federated, world: Callable[[], Context]) -> tuple[State, list[Event]]:
    """A task ends with the same bits and says the same when its state goes through its stored form before every step.

    Args:
        work: the task.
        world: makes the world of a process that knows nothing but the stored state.

    Returns:
        State and events of the undisturbed run.
    """
    whole, events = run(work, world())
    state, resumed = work.init(world()), list[Event]()
    while not work.is_done(state):
        state, more = work.step(world(), stored_and_loaded(state))
        resumed += more
    assert same_tensors(whole, state)
    assert stored_and_loaded(whole).values == stored_and_loaded(state).values
    assert as_json(resumed) == as_json(events)
    return whole, events


def chain() -> Chain | None:
    """The small model that the tests of local training use, as a chain."""
    return chain_of(graph())
