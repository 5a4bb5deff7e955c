"""Every two members of different axes of a federated task either run together or are refused with the table's reason.

Members are found through the registries: a new one needs no new line here unless it cannot be with its own defaults.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from engine.federated.combinations import CODE, RULES
from engine.federated.task import Federated
from engine.specs.families import FAMILIES
from engine.task.contract import Context
from tests.engine.federated.worlds import context, run

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
    "encoding.down": "encodings", "privacy": "mechanisms", "attack": "attacks", "drift": "drifts",
}  # fmt: skip
"""Fields of the task, and the families of which they take members."""

SETTINGS: Mapping[str, Mapping[str, Any]] = {"sampler": {"num_clients": 8}}
"""What members of an axis are given where they have such a field."""


def task_with(*chosen: tuple[str, str]) -> Federated:
    """The tiny task with these members."""
    tree: dict[str, Any] = {**TINY, "encoding": {}}
    for field, kind in chosen:
        above, _, last = field.rpartition(".")
        known = FAMILIES[AXES[field]][kind].model_fields
        settings = {name: value for name, value in SETTINGS.get(field, {}).items() if name in known}
        (tree[above] if above else tree)[last] = {"kind": kind, **settings}
    return Federated.model_validate(tree)


def members(axis: str, world: Context) -> Iterator[str]:
    """Those of an axis that the tiny task can have by itself, without the ones it has anyway."""
    for kind in FAMILIES[AXES[axis]].members():
        task = task_with((axis, kind))
        if task != task_with() and not task.check(world):
            yield kind


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The fleet and the samples of all tasks."""
    made = context(tmp_path_factory.mktemp("world"))
    run(task_with(), made)
    return made


def carry_out(task: Federated, world: Context) -> None:
    """A run that knows nothing of others but the samples that they share."""
    kept = {name: world.cache[name] for name in ("population", "graph")}
    state, events = run(task, replace(world, cache=kept))
    assert task.summarize(state).reason == "all_rounds"
    assert {event.kind for event in events} >= {"cohort", "metrics", "clients", "ledger"}


@pytest.mark.slow
@pytest.mark.parametrize("axes", list(combinations(AXES, 2)), ids=" and ".join)
def test_every_pair_runs_or_is_refused_with_the_reason(axes: tuple[str, str], world: Context) -> None:
    reasons = [rule.reason for rule in RULES]
    for kinds in product(*(members(axis, world) for axis in axes)):
        pair = list(zip(axes, kinds, strict=True))
        task = task_with(*pair)
        problems = task.check(world)
        assert {problem.code for problem in problems} <= {CODE}, (pair, problems)
        assert all(any(problem.message.endswith(reason) for reason in reasons) for problem in problems)
        if not problems:
            carry_out(task, world)


def test_every_rule_of_the_table_refuses_something(world: Context) -> None:
    """No rule is left over for what can no longer be set."""
    with_statistics = {"model": {"kind": "resnet8"}}
    alone = [task_with((axis, kind)) for axis in AXES for kind in members(axis, world)]
    alone += [Federated.model_validate({**TINY, **with_statistics})]
    for rule in RULES:
        assert any(rule.choice.holds(task) for task in alone), rule.choice.words
        assert any(rule.other.holds(task) for task in alone), rule.other.words


def test_all_reasons_are_told_at_once(tmp_path: Path) -> None:
    task = task_with(
        ("strategy", "qfedavg"), ("privacy", "dp_fedavg"), ("aggregator", "median"), ("encoding.up", "qsgd")
    )
    found = [(problem.path, problem.code) for problem in task.check(context(tmp_path))]
    assert found == [("aggregator", CODE), ("encoding.up", CODE), ("strategy", CODE), ("strategy", CODE)]
