"""The axes of a federated task, with members found through the registries, in a world so small that all pairs fit."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.federated.task import Federated
from engine.network.spec import NetworkSpec
from engine.specs.families import FAMILIES
from engine.task.contract import Context
from tests.engine.federated.worlds import context

TINY: Mapping[str, Any] = {
    "kind": "federated",
    "dataset": {"kind": "digits"},
    "partition": {"kind": "iid"},
    "model": {"kind": "mlp", "hidden": [3]},
    "sampler": {"kind": "uniform", "num_clients": 8},
    "local": {"epochs": 1, "batch_size": 64, "lr": 0.1},
    "rounds": 1,
}
"""Eight of twelve clients for a round of a model of 235 parameters."""

AXES: Mapping[str, str] = {
    "strategy": "strategies", "aggregator": "aggregators", "sampler": "samplers", "encoding.up": "encodings",
    "encoding.down": "encodings", "privacy": "mechanisms", "secure_aggregation": "", "attack": "attacks",
    "scheduler": "schedulers", "coordination": "coordination", "drift": "drifts",
}  # fmt: skip
"""Fields of the task, and the families of which they take members; none for a field that is set or empty."""

_FOLDER = TemporaryDirectory(prefix="edgeloom-axes-")

ON = "on"
"""Stands for the member of a field without a family."""

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "sampler": {"num_clients": 8}, "drift": {"start_round": 2}, "aggregator": {"num_malicious": 0, "share": 0.3},
}  # fmt: skip
"""What members of an axis are given where they have such a field; a gateway combines the updates of four clients."""


def task_with(*chosen: tuple[str, str], **changes: Any) -> Federated:
    """The tiny task with these members, each a field and a kind."""
    tree: dict[str, Any] = {**TINY, "encoding": {}, **changes}
    for field, kind in chosen:
        above, _, last = field.rpartition(".")
        settings = dict(SETTINGS.get(field, {}))
        if AXES[field]:
            known = FAMILIES[AXES[field]][kind].model_fields
            settings = {"kind": kind, **{name: value for name, value in settings.items() if name in known}}
        (tree[above] if above else tree)[last] = settings
    return Federated.model_validate(tree)


@lru_cache(maxsize=1)
def _first() -> Context:
    """The world whose samples all share."""
    network = NetworkSpec.model_validate({"topology": {"kind": "hierarchical", "gateways": 2}, "backhaul": "wan_fibre"})
    made = context(Path(_FOLDER.name), network=network)
    task_with().init(made)
    return made


def world() -> Context:
    """Twelve boards behind two gateways, and their samples; nothing else is kept from one to the next."""
    return replace(_first(), cache={"population": _first().cache["population"]})


def kinds(axis: str) -> tuple[str, ...]:
    """All members of an axis."""
    return tuple(FAMILIES[AXES[axis]].members()) if AXES[axis] else (ON,)


def members(axis: str) -> Iterator[str]:
    """Those of an axis that the tiny task can have by itself, without the ones that it has anyway."""
    for kind in kinds(axis):
        task = task_with((axis, kind))
        if task != task_with() and not task.check(world()):
            yield kind
