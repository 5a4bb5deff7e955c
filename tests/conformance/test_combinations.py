"""Every two members of different axes of a federated task either run together or are refused with the table's reason.

Members are found through the registries: a new one needs no new line here.
"""

from collections.abc import Iterator
from itertools import combinations, product

import pytest

from engine.core.errors import Problem
from engine.federated.combinations import CODE, RULES
from engine.federated.task import Federated
from tests.engine.federated.axes import AXES, members, task_with, world
from tests.engine.federated.worlds import run

TWO_AXES = list(combinations(AXES, 2))


def carry_out(task: Federated) -> None:
    """A run to its end."""
    state, events = run(task, world())
    assert task.summarize(state).reason == "all_rounds"
    assert {event.kind for event in events} >= {"cohort", "metrics", "clients", "ledger"}


def pairs(axes: tuple[str, str]) -> Iterator[tuple[list[tuple[str, str]], Federated, list[Problem]]]:
    """Every member of one axis with every member of the other, its task, and what is wrong with it."""
    for kinds in product(*(members(axis) for axis in axes)):
        pair = list(zip(axes, kinds, strict=True))
        task = task_with(*pair)
        yield pair, task, task.check(world())


@pytest.mark.slow
@pytest.mark.parametrize("axes", TWO_AXES, ids=" and ".join)
def test_members_of_two_axes_run_or_are_refused_with_the_reason(axes: tuple[str, str]) -> None:
    """All are checked; of those that may be, each member runs with one of the other axis."""
    reasons = [rule.reason for rule in RULES]
    met: set[tuple[str, str]] = set()
    for pair, task, problems in pairs(axes):
        assert {problem.code for problem in problems} <= {CODE}, (pair, problems)
        assert all(any(problem.message.endswith(reason) for reason in reasons) for problem in problems)
        if not problems and not met.issuperset(pair):
            carry_out(task)
            met |= set(pair)


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("axes", TWO_AXES, ids=" and ".join)
def test_every_pair_that_is_not_refused_runs(axes: tuple[str, str]) -> None:
    for _, task, problems in pairs(axes):
        if not problems:
            carry_out(task)


@pytest.mark.slow
def test_every_rule_of_the_table_is_about_something() -> None:
    """No rule is left over for what can no longer be set."""
    alone = [task_with((axis, kind)) for axis in AXES for kind in members(axis)]
    alone += [task_with(model={"kind": "resnet8"}), task_with(evaluation={"divergence": True})]
    alone += [task_with(scheduler={"kind": "buffered", "mixes": "models", "rate": 2.0})]
    for rule in RULES:
        for choice in (rule.choice, rule.other):
            assert any(choice.holds(task) for task in alone), choice.words


def test_all_reasons_are_told_at_once() -> None:
    chosen = {"strategy": "qfedavg", "privacy": "dp_fedavg", "aggregator": "median", "encoding.up": "qsgd"}
    found = [(problem.path, problem.code) for problem in task_with(*chosen.items()).check(world())]
    assert found == [("aggregator", CODE), ("encoding.up", CODE), ("strategy", CODE), ("strategy", CODE)]
