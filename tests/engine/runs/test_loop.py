"""The loop: numbered events, exact resume after any interruption, cancel and pause at borders."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.core.events import Event
from engine.runs.checkpoint import Checkpoint, FolderCheckpoints
from engine.runs.context import make_context
from engine.runs.control import Control
from engine.runs.loop import Outcome, run
from engine.runs.sinks import HostTimes, JsonlSink, MemorySink, read_events
from engine.task.contract import Block, BlockResult, Context, Progress, Task
from engine.task.local import LocalExecutor
from tests.engine.runs.quadratic import Quadratic, experiment

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")


class Crash(EngineError):
    """What a crashing executor raises."""


class Crashing:
    """An executor that fails at one call."""

    def __init__(self, at: int) -> None:
        self.left = at

    def offer(self, task: Task, context: Context, blocks: Iterable[Block]) -> None:
        """Nobody else helps."""

    def run(self, task: Task, context: Context, block: Block) -> BlockResult:
        """The result of the block, unless it is time to fail."""
        if self.left == 0:
            raise Crash("the process died")
        self.left -= 1
        return LocalExecutor().run(task, context, block)


class KeptInMemory:
    """Checkpoints as objects; ``every`` leaves the others out, as a long ``checkpoint_s`` does."""

    def __init__(self, every: int = 1) -> None:
        self.every, self.calls = every, 0
        self.kept: Checkpoint | None = None

    def latest(self) -> Checkpoint | None:
        """The one before."""
        return self.kept

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep every so many."""
        self.calls += 1
        if self.calls % self.every == 0:
            self.kept = checkpoint


def undisturbed(seed: int = 3) -> tuple[Outcome, list[Event]]:
    """A run that nothing interrupts."""
    sink, spec = MemorySink(), experiment()
    return run(spec, seed, context=make_context(spec, seed), sink=sink), sink.events


def same_state(first: Outcome, second: Outcome) -> bool:
    """Whether both ended with the same bits."""
    tensors = first.state.tensors.keys() == second.state.tensors.keys() and all(
        first.state.tensors[name].tobytes() == second.state.tensors[name].tobytes() for name in first.state.tensors
    )
    clients = list(first.state.clients) == list(second.state.clients) and all(
        np.array_equal(first.state.clients[c]["visits"], second.state.clients[c]["visits"]) for c in first.state.clients
    )
    return tensors and clients and first.state.values == second.state.values


def test_events_are_numbered_from_one_and_framed_by_start_and_finish() -> None:
    outcome, events = undisturbed()
    assert outcome.status == "done"
    assert [event.seq for event in events] == list(range(1, 13))
    assert [event.kind for event in events] == ["started", *["metrics", "clients"] * 5, "finished"]
    assert events[0].body["seed"] == 3
    assert events[0].body["num_clients"] == 6
    assert events[-1].body == {"reason": "all_rounds", "metrics": {"w": events[-3].body["values"]["w"]}}


def test_bodies_are_plain_json_and_a_diverged_value_is_null() -> None:
    _, events = undisturbed()
    assert type(events[1].body["values"]["w"]) is float
    assert events[1].body["values"]["diverged"] is None
    assert events[2].body["ids"] == [0, 1]


def test_same_seed_same_bits_other_seed_other_bits() -> None:
    first, second, other = undisturbed(3), undisturbed(3), undisturbed(4)
    assert same_state(first[0], second[0])
    assert first[1] == second[1]
    assert not same_state(first[0], other[0])


@pytest.mark.parametrize("crash_at", [0, 1, 2, 7, 14])
@pytest.mark.parametrize("every", [1, 4, 100])
def test_a_crash_anywhere_changes_nothing(tmp_path: Path, crash_at: int, every: int) -> None:
    """Old log + replayed log = the log of an undisturbed run, each event once, and the same state."""
    expected, events = undisturbed()
    spec, checkpoints, place = experiment(), KeptInMemory(every), tmp_path / "events.jsonl"
    sink = JsonlSink(place)
    context = make_context(spec, 3, executor=Crashing(crash_at))
    with pytest.raises(Crash):
        run(spec, 3, context=context, sink=sink, checkpoints=checkpoints)
    sink.close()
    with place.open("a") as file:
        file.write('{"seq": 99, "kind": "met')  # the line that the crash cut short
    sink = JsonlSink(place)
    outcome = run(spec, 3, context=make_context(spec, 3), sink=sink, checkpoints=checkpoints)
    sink.close()
    assert same_state(outcome, expected)
    lines = list(read_events(place))
    assert [line["seq"] for line in lines] == [event.seq for event in events]
    assert [line["body"] for line in lines] == [event.body for event in events]


@pytest.mark.slow
def test_a_run_that_is_restarted_from_disk_at_every_step_ends_alike(tmp_path: Path) -> None:
    expected, events = undisturbed()
    spec, sink = experiment(), MemorySink()
    for _ in range(100):
        control = Control()
        steps = OneStep(control)
        outcome = run(
            spec,
            3,
            context=make_context(spec, 3, executor=steps),
            sink=sink,
            checkpoints=FolderCheckpoints(tmp_path),
            control=control,
        )
        if outcome.status == "done":
            break
        assert outcome.status == "paused"
    assert same_state(outcome, expected)
    assert sink.events == events


class OneStep:
    """An executor that asks for a pause after its first block."""

    def __init__(self, control: Control) -> None:
        self.control = control

    def offer(self, task: Task, context: Context, blocks: Iterable[Block]) -> None:
        """Nobody else helps."""

    def run(self, task: Task, context: Context, block: Block) -> BlockResult:
        """The result of the block."""
        self.control.pause()
        return LocalExecutor().run(task, context, block)


def test_stop_outranks_pause_and_keeps_a_checkpoint() -> None:
    spec, checkpoints, control = experiment(checkpoint_s=1000), KeptInMemory(), Control()
    control.pause()
    control.stop()
    outcome = run(spec, 0, context=make_context(spec, 0), sink=MemorySink(), checkpoints=checkpoints, control=control)
    assert outcome.status == "cancelled"
    assert outcome.summary is None
    assert checkpoints.kept is not None
    assert checkpoints.kept.seq == 1


def test_a_finished_run_only_repeats_its_end() -> None:
    spec, checkpoints, sink = experiment(), KeptInMemory(), MemorySink()
    first = run(spec, 0, context=make_context(spec, 0), sink=sink, checkpoints=checkpoints)
    again = run(spec, 0, context=make_context(spec, 0, executor=Crashing(0)), sink=sink, checkpoints=checkpoints)
    assert same_state(first, again)
    assert again.summary == first.summary
    assert sum(event.kind == "finished" for event in sink.events) == 1


def ticks(step_s: float) -> Iterator[float]:
    """A clock that moves at every look."""
    now = 0.0
    while True:
        yield now
        now += step_s


def test_checkpoints_follow_the_clock_and_come_after_their_events() -> None:
    order: list[tuple[str, int]] = []

    class Noting(MemorySink):
        def flush(self) -> None:
            order.append(("flush", self.last_seq))

    class Saving(KeptInMemory):
        def save(self, checkpoint: Checkpoint) -> None:
            order.append(("save", checkpoint.seq))

    spec, clock = experiment(checkpoint_s=5.0), ticks(1.0)
    run(spec, 0, context=make_context(spec, 0), sink=Noting(), checkpoints=Saving(), clock=lambda: next(clock))
    saves = [entry for entry in order if entry[0] == "save"]
    assert 1 < len(saves) < 15
    for before, after in pairwise(order):
        if after[0] == "save":
            assert before == ("flush", after[1])


def test_host_times_add_up_over_attempts_and_tell_what_remains() -> None:
    class Hearing(MemorySink):
        heard: list[tuple[int, float, float | None]] = []

        def progress(self, progress: Progress, host: HostTimes) -> None:
            self.heard.append((progress.done, host.work_s, host.remaining_s))

    spec, checkpoints = experiment(Quadratic(rounds=4, num_blocks=1)), KeptInMemory()
    checkpoints.kept = Checkpoint(
        Quadratic(rounds=4, num_blocks=1).init(make_context(spec, 0)).replace({"round": 3}), 5, 100.0
    )
    clock, sink = ticks(0.0), Hearing()
    run(spec, 0, context=make_context(spec, 0), sink=sink, checkpoints=checkpoints, clock=lambda: next(clock))
    assert sink.heard[0] == (2, 100.0, None)
    assert sink.heard[-1] == (4, 100.0, 0.0)
