"""Clients with one weight each and a quadratic loss: worlds small enough to compute by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.federated.strategy import Combined, Groups, LinearTerm, LocalView, Payload, Strategy, Update
from engine.training.arrays import as_groups, as_tensors
from engine.training.descent import steps_of
from engine.training.local import Tensors
from engine.training.settings import LocalSettings


@dataclass(frozen=True)
class World:
    """Client k minimizes (w - targets[k])^2 / 2, so its gradient is w - targets[k], and makes steps[k] steps."""

    targets: Sequence[float]
    steps: Sequence[int]
    sizes: Sequence[int]
    settings: LocalSettings
    num_clients: int


def start(strategy: Strategy, weight: float) -> Groups:
    """The server before the first round."""
    return strategy.init_server({"w": np.array([[weight]])})


def fresh(strategy: Strategy, world: World) -> list[Groups]:
    """Clients before their first round."""
    return [strategy.init_client({"w": np.zeros((1, 1))}) or {} for _ in world.targets]


def play(strategy: Strategy, world: World, server: Groups, states: Sequence[Groups]) -> tuple[Groups, list[Groups]]:
    """One round of all clients: local steps, weighted mean, server step."""
    down = {group: as_tensors(arrays) for group, arrays in strategy.message_down(server).items()}
    sums: dict[str, dict[str, np.ndarray]] = {}
    after: list[Groups] = []
    total = 0.0
    for place, state in enumerate(states):
        update = _train(strategy, world, down, (place, {group: as_tensors(a) for group, a in state.items()}))
        after.append(as_groups(update.client) if update.client is not None else {})
        total += update.weight
        for group, arrays in as_groups(update.tensors).items():
            for name, array in arrays.items():
                sums.setdefault(group, {})[name] = sums.get(group, {}).get(name, 0.0) + update.weight * array
    mean = {group: {name: array / total for name, array in arrays.items()} for group, arrays in sums.items()}
    return strategy.server_step(Combined(mean, total, len(states), world.num_clients), server), after


def _train(strategy: Strategy, world: World, down: Payload, who: tuple[int, Payload]) -> Update:
    place, client = who
    start_loss = float((down["weights"]["w"] - world.targets[place]) ** 2 / 2)
    view = LocalView(
        params=down["weights"], start=down["weights"], down=down, client=client, lr=world.settings.lr,
        settings=world.settings, num_samples=(world.sizes[place],), start_loss=start_loss,
    )  # fmt: skip
    view.params = _steps(world, place, view.start, strategy.linear_term(view))
    update = strategy.finish(view, world.steps[place])
    view.descend = lambda params, term: _steps(world, place, params, term)
    personal = strategy.personal_pass(view)
    return update if personal is None else replace(update, client={**(update.client or {}), **personal})


def _steps(world: World, place: int, params: Tensors, term: LinearTerm | None) -> Tensors:
    """The local steps of one client from some weight."""
    named = {"w": params["w"].clone()}
    steps = steps_of(named, world.settings, world.settings.lr, term)
    for _ in range(world.steps[place]):
        steps.step([named["w"] - world.targets[place]])
    return named
