"""Closed form, events and Monte Carlo behind one function: where they must agree, and what only one can say."""

from typing import Any

import numpy as np
import pytest

from engine.costs.model import CostModel
from engine.costs.spread import Spread
from engine.costs.trace import Trace, TraceBuilder
from tests.engine.costs.worlds import FRAMES, HOST_S, WORK, model_of, round_trace, upload

RAW = {"name": "raw", "up_rate": 1e6, "down_rate": 1e6, "rtt": 0.06, "frame_payload": 1240.0, "frame_header": 40.0}
"""1,228 bytes of payload a segment, 52 of header, 30 ms one way."""

ROOM = {"kind": "star", "one_room": True}


def spread_of(model: CostModel, trace: Trace, samples: int = 50, seed: int = 0) -> Spread:
    """The spread of a Monte Carlo."""
    found = model.cost(trace, method="monte_carlo", samples=samples, seed=seed).spread
    assert found is not None
    return found


@pytest.mark.parametrize("link", [FRAMES, RAW, FRAMES | {"shared_medium": True}])
@pytest.mark.parametrize("topology", [{"kind": "star"}, ROOM, {"kind": "hierarchical", "gateways": 2}])
def test_closed_form_and_events_agree(link: dict[str, Any], topology: dict[str, Any]) -> None:
    model, trace = model_of(link, 7, topology=topology), round_trace(range(7), samples=np.arange(7) * 9, rounds=3)
    one, two = model.cost(trace), model.cost(trace, method="events")
    np.testing.assert_allclose(one.end_s, two.end_s, rtol=0, atol=1e-9)
    assert one.ledger.totals() == pytest.approx(two.ledger.totals(), rel=1e-9)
    assert one.spread is None


@pytest.mark.parametrize("link", [FRAMES, RAW, FRAMES | {"shared_medium": True}])
@pytest.mark.parametrize("topology", [{"kind": "star"}, ROOM, {"kind": "hierarchical", "gateways": 2}])
def test_without_chance_the_replay_is_the_closed_form(link: dict[str, Any], topology: dict[str, Any]) -> None:
    model = model_of(link, 5, topology=topology)
    builder = TraceBuilder()
    for _ in range(2):
        builder.next_round()
        received = builder.send(-1, range(5), 1200, new_connection=False, phase="download")
        trained = builder.compute(range(5), WORK, [3, 40, 80, 120, 200], mode="train", after=received)
        builder.barrier(builder.send(range(5), -1, 1200, new_connection=False, after=trained))
    trace = builder.build()
    found = spread_of(model, trace)
    assert found.followed == "packets"
    expected = model.cost(trace).round_s
    assert found.rounds_s[:, 0] == pytest.approx(expected[0], rel=1e-9)
    # an acknowledgment of the round before may be in the way of the next download, 52 bytes
    assert found.rounds_s[:, 1] == pytest.approx(expected[1], rel=2e-4)


def test_a_shared_medium_carries_data_and_acknowledgments() -> None:
    """Three messages of one segment each, tau = 8 x 1280 / R; the last arrives after all three and the
    acknowledgments that came meanwhile. R = 1e6 x 1280 / 1228; D + o = 30.3 ms > 2 tau, so none did.
    """
    air = 1e6 * 1280 / 1228
    tau = 8 * 1280 / air
    model = model_of(RAW | {"shared_medium": True}, 3, topology=ROOM)
    builder = TraceBuilder()
    builder.send(range(3), -1, 1228, new_connection=False)
    trace = builder.build()
    assert spread_of(model, trace).rounds_s[0, 0] == pytest.approx(3 * tau + 0.03 + HOST_S, rel=1e-9)
    # the closed form lets each message hold the channel for its acknowledgment, 52 bytes
    acknowledge = 8 * 52 / air
    assert model.cost(trace).end_s_total == pytest.approx(3 * tau + 2 * acknowledge + 0.03 + HOST_S, rel=1e-9)


@pytest.mark.slow
def test_the_mean_of_a_maximum_is_more_than_the_maximum_of_means() -> None:
    """The longest of 20 geometric waits: the closed form knows the mean of each only."""
    link = FRAMES | {"loss": 0.2}
    model, trace = model_of(link, 20), round_trace(range(20), samples=1)
    cost = model.cost(trace, method="monte_carlo", samples=400)
    assert cost.round_s[0] > 1.2 * model.cost(trace).round_s[0]
    assert cost.spread is not None
    assert cost.round_s[0] == pytest.approx(cost.spread.rounds_s.mean())
    assert cost.ledger.elapsed_s == pytest.approx(cost.end_s_total)


@pytest.mark.slow
def test_messages_drawn_one_by_one_come_near_the_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(RAW | {"loss": 0.03, "shared_medium": True}, 6, topology=ROOM)
    trace = round_trace(range(6), payload=6000)
    packets = spread_of(model, trace, 200)
    monkeypatch.setattr("engine.costs.sampling.MOST_PACKETS", 10_000)
    messages = spread_of(model, trace, 200)
    assert (packets.followed, messages.followed) == ("packets", "messages")
    for share in (0.5, 0.95):
        assert np.quantile(messages.rounds_s, share) == pytest.approx(np.quantile(packets.rounds_s, share), rel=0.15)


@pytest.mark.parametrize("limit", [10_000, 10_000_000])
def test_seeds_repeat_and_differ(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.costs.sampling.MOST_PACKETS", limit)
    model, trace = model_of(RAW | {"loss": 0.05}, 3), round_trace(range(3), payload=20_000)
    one, again, two = (spread_of(model, trace, 20, seed).rounds_s for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, two)


def test_percentiles_are_told_as_plain_data() -> None:
    model = model_of(FRAMES | {"loss": 0.2}, 4)
    builder = TraceBuilder()
    builder.next_round(repeats=30)
    builder.send(range(4), -1, 1000, new_connection=False)
    found = spread_of(model, builder.build(), 300).quantiles()
    rounds, messages, total = found["round_s"], found["message_s"]["upload"], found["total_s"]
    assert rounds["p50"] < rounds["p95"] <= rounds["p99"]
    assert messages["p50"] < rounds["p50"]
    assert (found["samples"], found["followed"]) == (300, "packets")
    # thirty rounds average out: their sum is thirty means, within a few percent of each other
    assert total["mean"] == pytest.approx(30 * rounds["mean"], rel=0.02)
    assert total["p99"] < 1.2 * total["p50"]


@pytest.mark.slow
def test_jitter_spreads_evenly_and_keeps_the_order() -> None:
    """One frame: latency 100 ms give or take 50; the 95th percentile of an even spread is at 0.9 of the way up."""
    model = model_of(RAW | {"jitter": 0.02})
    builder = TraceBuilder()
    builder.send(0, -1, 100, new_connection=False)
    found = spread_of(model, builder.build(), 3000).rounds_s
    middle = upload(model, 100).end_s_total
    assert found.min() == pytest.approx(middle - 0.02, abs=1e-3)
    assert np.quantile(found, 0.95) == pytest.approx(middle + 0.9 * 0.02, abs=1e-3)
    assert found.mean() == pytest.approx(middle, rel=0.02)


def test_devices_that_relay_are_replayed_hop_by_hop() -> None:
    model = model_of(RAW | {"loss": 0.02}, 4, topology={"kind": "tree", "branching": 1})
    builder = TraceBuilder()
    builder.send(3, -1, 100, new_connection=False)
    trace = builder.build()
    found = spread_of(model, trace, 400)
    hop = upload(model_of(RAW), 100).end_s_total
    assert np.quantile(found.rounds_s, 0.5) == pytest.approx(4 * hop, rel=1e-9)
    np.testing.assert_allclose(found.messages_s["upload"], np.sort(found.rounds_s[:, 0]))


def test_a_warm_window_is_kept_between_rounds() -> None:
    """Slow start stalls the first message of 60 segments, not the second one, which comes at once."""
    fast = RAW | {"up_rate": 5e7, "down_rate": 5e7}
    builder = TraceBuilder()
    for _ in range(2):
        builder.next_round()
        builder.send(0, -1, 60 * 1228, new_connection=False)
    first, second = spread_of(model_of(fast), builder.build()).rounds_s[0]
    assert first > second + 0.06
