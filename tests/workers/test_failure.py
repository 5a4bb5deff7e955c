"""What people are shown of a run that failed."""

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import DataUnavailable
from tests.environment import HOME, ROOT
from tests.webapp.rows import make_run
from webapp.experiments.models import Run, RunState
from webapp.teams.models import Team
from workers.control import Wishes
from workers.driver import drive
from workers.failure import LogTail, failure_of


def test_a_known_error_says_cause_and_remedy_and_needs_no_trace() -> None:
    error = DataUnavailable("mnist is not here", remedy=f"put it at {HOME}/data/mnist")

    assert failure_of(error, ["a line"]) == {
        "code": "data_unavailable",
        "message": "mnist is not here",
        "remedy": "put it at EDGELOOM_HOME/data/mnist",
        "trace": "",
        "log_tail": ["a line"],
    }


def test_an_unexpected_error_has_a_trace_without_paths() -> None:
    with pytest.raises(ValueError, match="operands") as caught:
        np.zeros(2) + np.zeros(3)
    failure = failure_of(caught.value, [])

    assert failure["code"] == "unexpected_error"
    assert "operands could not be broadcast" in failure["message"]
    assert 'File "tests/workers/test_failure.py"' in failure["trace"]
    for folder in (ROOT, HOME, Path.home(), sys.prefix):
        assert str(folder) not in str(failure)


def test_running_out_of_memory_says_what_to_change() -> None:
    failure = failure_of(MemoryError(), [])

    assert failure["message"] == "MemoryError"
    assert "smaller model" in failure["remedy"]


def test_the_tail_keeps_the_last_lines_without_traces() -> None:
    with LogTail() as tail:
        for number in range(80):
            logging.getLogger("engine.test").warning("line %d in %s/x.py", number, ROOT)
        try:
            raise KeyError("secret")
        except KeyError:
            logging.getLogger("engine.test").exception("it went wrong")
    logging.getLogger("engine.test").warning("afterwards")

    assert len(tail.lines) == 50
    assert tail.lines[-2].endswith("line 79 in x.py")
    assert tail.lines[-1].endswith("it went wrong")


@pytest.mark.django_db(transaction=True)
def test_whatever_a_run_raises_becomes_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(Team.objects.create(slug="lab", name="Lab"))

    def explode(*_: object) -> None:
        logging.getLogger("engine.test").warning("smoke")
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("workers.driver._carry_out", explode)
    drive(run.pk, job_id="job", owner="w")

    failed = Run.objects.get()
    assert failed.state == RunState.FAILED
    assert failed.failure["message"] == "by nothing"
    assert any("smoke" in line for line in failed.failure["log_tail"])
    assert failed.transitions.last().reason == "by nothing"
    drive(run.pk, job_id="job", owner="w")
    assert Run.objects.get().attempt == 1  # the repeated message found nothing to do


def test_a_heavier_wish_wins() -> None:
    wishes = Wishes()
    wishes.ask("pause")
    wishes.ask("release")
    assert (wishes.strongest, wishes.loop.should_pause(), wishes.loop.should_stop()) == ("pause", True, False)
    wishes.ask("cancel")
    wishes.ask("pause")
    assert (wishes.strongest, wishes.loop.should_stop()) == ("cancel", True)
