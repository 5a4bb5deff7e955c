"""The trace: what can be written down, what is refused, and files."""

from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from tests.engine.costs.worlds import WORK, round_trace


def same(first: Trace, second: Trace) -> bool:
    """Whether two traces say the same."""
    arrays, others = first.to_arrays(), second.to_arrays()
    return arrays.keys() == others.keys() and all(np.array_equal(arrays[name], others[name]) for name in arrays)


def test_a_trace_survives_its_file(tmp_path: Path) -> None:
    trace = round_trace([0, 3, 5], samples=[1, 2, 3], rounds=2)
    trace.save(tmp_path / "trace.safetensors")
    assert same(Trace.load(tmp_path / "trace.safetensors"), trace)


def test_a_file_that_is_no_trace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"nothing of the kind")
    with pytest.raises(EngineError, match="broken is no trace"):
        Trace.load(tmp_path / "broken")
    with pytest.raises(EngineError, match="texts is missing"):
        Trace.from_arrays({})


def test_traces_of_rounds_join_into_the_trace_of_the_run() -> None:
    parts = [round_trace([0, 1]), round_trace([2]), round_trace([1, 2])]
    joined = Trace.concat(parts)
    assert joined.num_rounds == 3
    assert joined.num_items == sum(part.num_items for part in parts)
    builder = TraceBuilder()
    for devices in ([0, 1], [2], [1, 2]):
        builder.append(round_trace(devices))
    assert same(builder.build(), joined)


def test_levels_count_causes() -> None:
    trace = round_trace([0, 1])
    assert trace["level"].tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_equal_work_is_kept_once() -> None:
    builder = TraceBuilder()
    builder.compute([0], WORK, 1, mode="train")
    builder.compute([1], Work(**vars(WORK)), 1, mode="infer")
    assert builder.build().works == (WORK,)


def test_a_cohort_of_nobody_leaves_nothing() -> None:
    builder = TraceBuilder()
    builder.compute([], WORK, [], mode="train")
    assert builder.build().num_items == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda b: b.compute([-1], WORK, 1, mode="train"), "only devices of the fleet compute"),
        (lambda b: b.compute([0], WORK, -1, mode="train"), "never negative"),
        (lambda b: b.send([0], -1, 1, new_connection=False, after=[99]), "added before"),
        (lambda b: b.barrier([]), "something to wait for"),
        (lambda b: b.next_round(repeats=0), "at least once"),
        (lambda b: b.compute([0], Work(macs={"magic": 1}), 1, mode="train"), "unknown operator classes: magic"),  # type: ignore[dict-item]
    ],
)
def test_nonsense_is_refused(wrong: object, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        wrong(TraceBuilder())  # type: ignore[operator]


def test_a_cause_of_another_round_is_refused() -> None:
    builder = TraceBuilder()
    first = builder.compute([0], WORK, 1, mode="train")
    builder.next_round()
    with pytest.raises(EngineError, match="same round"):
        builder.send([0], -1, 1, new_connection=False, after=first)
