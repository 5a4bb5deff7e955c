"""Which panels stand beside a task follows from its parts: a further kind of task needs no entry in a table."""

from typing import Any, ClassVar, get_args

import pytest

from engine.inference.cuts.exits import RULES, Policy
from engine.task.contract import tasks
from webapp.datafree import previewing as datafree
from webapp.inference import previewing as inference
from webapp.previews.kinds import own_panels


def test_panels_follow_from_the_parts_of_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [own_panels({"kind": kind}) for kind in ("inference", "datafree", "federated")] == [
        inference.panels,
        datafree.panels,
        None,
    ]

    class Further:
        """A kind of task that nobody entered anywhere."""

        model_fields: ClassVar[dict[str, Any]] = {"dataset": None, "teacher": None, "splitter": None}

    monkeypatch.setattr(tasks, "members", lambda: {"further": Further})
    assert own_panels({"kind": "further"}) is inference.panels
    assert own_panels({"kind": "unknown"}) is own_panels({}) is None


def test_every_policy_of_exits_says_what_its_threshold_means() -> None:
    assert set(RULES) == set(get_args(Policy))
