"""How disturbed runs end: once, with the log of an undisturbed one."""

from typing import Any

from tests.workers.platform import reread, wait_until
from webapp.experiments.log import events_after
from webapp.experiments.models import EventBatch, Run, RunState, RunTransition
from webapp.experiments.series import series
from workers import reaper


def assert_undisturbed(run: Run, expected: list[dict[str, Any]]) -> None:
    """The log has every event once, with the bits of the undisturbed run, and the run ended once."""
    assert run.state == RunState.DONE, run.failure
    found = [{**event, "at": None} for event in events_after(run, limit=10**6)]
    assert found == [{**event, "at": None} for event in expected]
    batches = EventBatch.objects.filter(run=run).order_by("seq_first").values_list("seq_first", "seq_last")
    assert [first for first, _ in batches] == [1, *(last + 1 for _, last in batches)][: len(batches)]
    assert RunTransition.objects.filter(run=run, to_state=RunState.DONE).count() == 1
    accuracy = [event["body"]["values"]["accuracy"] for event in expected if event["kind"] == "metrics"]
    assert series(run, ["accuracy"])["accuracy"]["values"] == accuracy
    assert run.result["metrics"] == expected[-1]["body"]["metrics"]


def finish(run: Run) -> None:
    """Let the run come to its end, with the reaper looking from here: beat and its worker take long to start."""
    wait_until(lambda: reaper.sweep() or reread(run).is_final, "the run ends", timeout_s=90, every_s=0.5)
