"""Time: lines, causes, rounds; the scan, the event clock and the closed form must agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.streams import stream
from engine.costs import clock
from engine.costs.events import simulate
from engine.costs.legs import Legs
from engine.costs.queueing import fifo_finish
from engine.costs.sharing import shared
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from tests.engine.costs.worlds import FRAMES, HOST_S, model_of, round_trace


def one_by_one(channel: np.ndarray, arrival: np.ndarray, service: np.ndarray) -> np.ndarray:
    """First come first served, the obvious way."""
    free: dict[int, float] = {}
    finish = np.zeros(len(channel))
    for k in np.lexsort((arrival, channel)).tolist():
        finish[k] = free[channel[k]] = max(arrival[k], free.get(channel[k], 0.0)) + service[k]
    return finish


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 50), st.floats(0, 10)),
        min_size=1,
        max_size=80,
    )
)
def test_the_scan_is_first_come_first_served(messages: list[tuple[int, int, float]]) -> None:
    channel, arrival, service = (np.array(column) for column in zip(*messages, strict=True))
    expected = one_by_one(channel, arrival.astype(float), service)
    np.testing.assert_allclose(fifo_finish(channel, arrival.astype(float), service), expected, rtol=0, atol=1e-9)


def test_the_scan_takes_more_channels_than_sixteen_bits() -> None:
    rng = stream(0, "channels")
    channel = rng.integers(0, 2**20, 3000)
    arrival, service = rng.random(3000), rng.random(3000)
    np.testing.assert_allclose(
        fifo_finish(channel, arrival, service), one_by_one(channel, arrival, service), rtol=0, atol=1e-9
    )


def test_an_unknown_arrival_comes_last() -> None:
    finish = fifo_finish(np.array([0, 0]), np.array([np.inf, 1.0]), np.array([1.0, 2.0]))
    assert finish.tolist() == [np.inf, 3.0]


def a_trace(seed: int, devices: int, rounds: int, depth: int, *, fair: bool = False) -> tuple[Trace, Legs]:
    """Random chains of messages and computations over a few shared channels."""
    rng, builder = stream(seed, "trace"), TraceBuilder()
    who = np.arange(devices)
    for _ in range(rounds):
        builder.next_round()
        last = None
        for _ in range(depth):
            last = builder.send(-1, who, 1, new_connection=False, after=last)
            last = builder.compute(who, Work(), 1, mode="train", after=last)
            last = builder.send(who, -1, 1, new_connection=False, after=last)
            if rng.random() < 0.3:
                last = np.full(devices, builder.barrier(last))
    trace = builder.build()
    messages = int((trace["kind"] == 1).sum())
    rounds_of = trace["round"][trace["kind"] == 1].astype(np.int64)
    channel = rng.integers(-1, 3, (messages, 2))
    legs = Legs(
        channel=np.where(channel < 0, -1, channel + 3 * rounds_of[:, None]),
        num_channels=3 * rounds,
        kind=np.arange(messages, dtype=np.int32),
        prices={name: rng.random((2, messages)) for name in ("before", "service", "after")}
        | {"fair": np.broadcast_to(np.float64(fair), (2, messages))},
    )
    return trace, legs


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 3), st.integers(1, 3))
def test_scan_and_events_agree(seed: int, devices: int, rounds: int, depth: int) -> None:
    trace, legs = a_trace(seed, devices, rounds, depth)
    duration = stream(seed, "durations").random(trace.num_items)
    for scanned, simulated in zip(clock.schedule(trace, duration, legs), simulate(trace, duration, legs), strict=True):
        np.testing.assert_allclose(scanned, simulated, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_lines_that_meet_settle_without_the_event_clock(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trace, legs = a_trace(seed, 6, 2, 2)
    duration = stream(seed, "durations").random(trace.num_items)
    expected = simulate(trace, duration, legs)
    monkeypatch.setattr(clock, "MAX_SWEEPS", 200)
    monkeypatch.setattr(clock, "simulate", None)
    for found, wanted in zip(clock.schedule(trace, duration, legs), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)


def test_uploads_and_downloads_take_turns_on_one_channel() -> None:
    link = FRAMES | {"shared_medium": True, "down_rate": 8000.0}
    model = model_of(link, count=2, topology={"kind": "star", "one_room": True})
    builder = TraceBuilder()
    down = builder.send(-1, [0, 1], 1000, new_connection=False, phase="download")
    builder.send([0, 1], -1, 1000, new_connection=False, after=down)
    cost = model.cost(builder.build())
    # 0: down 0-1; 1: down 1-2; 0 is back at 1.1, waits until 2, up 2-3; 1 is back at 2.1, up 3-4
    late = 0.1 + HOST_S
    assert cost.end_s == pytest.approx([1 + late, 2 + late, 3 + late, 4 + late], rel=1e-12)


def test_a_barrier_waits_for_the_slowest_never_for_the_mean() -> None:
    cost = model_of(FRAMES, count=3).cost(round_trace([0, 1, 2], samples=[10, 20, 90]))
    messages = (0.5 + 0.1 + HOST_S) + (1.0 + 0.1 + HOST_S)
    assert cost.end_s_total == pytest.approx(messages + 90 * 0.015, rel=1e-12)
    assert cost.straggler is not None
    assert cost.straggler.device == 2
    assert cost.straggler.seconds == pytest.approx(cost.end_s_total)


def test_rounds_follow_each_other_and_cost_the_same_one_by_one() -> None:
    model = model_of(FRAMES | {"shared_medium": True}, count=4, topology={"kind": "star", "one_room": True})
    rounds = [round_trace([0, 2], samples=[10, 90]), round_trace([1, 2, 3], samples=[5, 6, 7])]
    together = model.cost(Trace.concat(rounds))
    first = model.cost(rounds[0])
    second = model.cost(rounds[1], start_s=first.end_s_total)
    np.testing.assert_allclose(together.end_s, np.concatenate([first.end_s, second.end_s]), rtol=1e-12)
    assert together.end_s_total == pytest.approx(second.end_s_total, rel=1e-12)
    apart = first.ledger + second.ledger
    for name, matrix in together.ledger.values.items():
        np.testing.assert_allclose(apart.values[name], matrix, rtol=1e-12, atol=1e-12)
    assert [found.device for found in together.stragglers if found] == [2, 3]


def test_a_repeated_round_counts_as_often() -> None:
    model = model_of(FRAMES)
    builder = TraceBuilder()
    builder.next_round(repeats=7)
    builder.send([0], -1, 1000, new_connection=False)
    once, often = model.cost(round_trace([0])), model.cost(builder.build())
    assert often.end_s_total == pytest.approx(7 * (1.1 + HOST_S), rel=1e-12)
    assert often.ledger.totals()["bytes_up"] == 7000
    assert often.ledger.totals()["energy_j"] == pytest.approx(7 * (1.1 + HOST_S), rel=1e-12)
    assert once.ledger.totals()["bytes_up"] == 1000


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 3), st.integers(1, 2))
def test_scan_and_events_agree_where_channels_are_shared_fairly(
    seed: int, devices: int, rounds: int, depth: int
) -> None:
    trace, legs = a_trace(seed, devices, rounds, depth, fair=True)
    duration = stream(seed, "durations").random(trace.num_items)
    for scanned, simulated in zip(clock.schedule(trace, duration, legs), simulate(trace, duration, legs), strict=True):
        np.testing.assert_allclose(scanned, simulated, rtol=0, atol=1e-9)


def test_equal_shares_by_hand() -> None:
    """2 s at 0 s has half of it done when 1 s comes at 1 s: both have one second left and share two; then 1 s alone."""
    arrival, service = np.array([[0.0, 1.0, 10.0, np.inf]]), np.array([[2.0, 1.0, 1.0, 0.0]])
    assert shared(arrival, service).tolist() == [[3.0, 3.0, 11.0, np.inf]]
    # 3 s and 1 s at once: the short one is through when each had one second, the long one has two left
    assert shared(np.zeros((1, 2)), np.array([[3.0, 1.0]])).tolist() == [[4.0, 2.0]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0.01, 10)), min_size=1, max_size=40))
def test_lock_step_and_heap_agree(messages: list[tuple[int, float]]) -> None:
    arrival, service = (np.array(column, dtype=float)[None] for column in zip(*messages, strict=True))
    with pytest.MonkeyPatch.context() as patch:
        stepped = shared(arrival, service)
        patch.setattr("engine.costs.sharing.WIDEST", 0)
        np.testing.assert_allclose(stepped, shared(arrival, service), rtol=1e-12)
    # the channel works as long as there is anything to do, whoever it serves
    lined = fifo_finish(np.zeros(len(messages), dtype=np.int64), arrival[0], service[0])
    assert stepped.max() == pytest.approx(lined.max(), rel=1e-12)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_lines_against_queueing_theory(load: float) -> None:
    """Poisson arrivals, equal services of 1 s: the mean wait in line is load / (2 (1 - load)) (Pollaczek, Khinchine);
    with equal shares the mean time there is 1 / (1 - load), whatever the services (Kleinrock 1976, section 4.4).
    """
    draw, count, runs = stream(1, "poisson"), 4000, 40
    arrival = np.cumsum(draw.exponential(1 / load, (runs, count)), axis=1)
    service = np.ones_like(arrival)
    channel = np.repeat(np.arange(runs), count)
    lined = fifo_finish(channel, arrival.reshape(-1), service.reshape(-1)).reshape(runs, count)
    settled = slice(count // 4, 3 * count // 4)  # neither the empty beginning nor the end, at which nobody comes
    assert (lined - arrival - 1)[:, settled].mean() == pytest.approx(load / (2 * (1 - load)), rel=0.06)
    some = shared(arrival[:, :1500], service[:, :1500]) - arrival[:, :1500]
    assert some[:, 400:1100].mean() == pytest.approx(1 / (1 - load), rel=0.08)


def test_a_shared_medium_may_be_fair() -> None:
    """Three messages of 1 s on air at once over one room: in turn 1, 2 and 3 s, fairly all 3 s."""
    link = FRAMES | {"shared_medium": True, "sharing": "fair"}
    model = model_of(link, 3, topology={"kind": "star", "one_room": True})
    builder = TraceBuilder()
    builder.send(range(3), -1, 1000, new_connection=False)
    for method in ("closed_form", "events"):
        cost = model.cost(builder.build(), method=method)
        assert cost.end_s == pytest.approx([3.0 + 0.1 + HOST_S] * 3, rel=1e-12)
