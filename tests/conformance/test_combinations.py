"""Every two members of different axes of a federated task either run together or are refused with the table's reason.

Members are found through the registries: a new one needs no new line here.
"""

from itertools import combinations, product

import pytest

from engine.federated.combinations import CODE, RULES
from engine.federated.task import Federated
from tests.engine.federated.axes import AXES, members, task_with, world
from tests.engine.federated.worlds import run


def carry_out(task: Federated) -> None:
    """A run to its end."""
    state, events = run(task, world())
    assert task.summarize(state).reason == "all_rounds"
    assert {event.kind for event in events} >= {"cohort", "metrics", "clients", "ledger"}


@pytest.mark.slow
@pytest.mark.parametrize("axes", list(combinations(AXES, 2)), ids=" and ".join)
def test_every_pair_runs_or_is_refused_with_the_reason(axes: tuple[str, str]) -> None:
    reasons = [rule.reason for rule in RULES]
    for kinds in product(*(members(axis) for axis in axes)):
        pair = list(zip(axes, kinds, strict=True))
        task = task_with(*pair)
        problems = task.check(world())
        assert {problem.code for problem in problems} <= {CODE}, (pair, problems)
        assert all(any(problem.message.endswith(reason) for reason in reasons) for problem in problems)
        if not problems:
            carry_out(task)


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
