"""Connections that are kept from round to round: messages in one direction wait for each other, windows stay open."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import EngineError
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.way import Way
from engine.inference.requests.queueing import simulate
from engine.inference.requests.route import Route
from tests.engine.costs.worlds import FRAMES, HOST_S, STREAM, WORK, model_of

FAST = STREAM | {"up_rate": 1e8, "down_rate": 1e8}
"""tau = 8 x 1000 / 1e8 = 80 us, RTT = 100 ms + 2 x 0.3 ms + 8 x 52 / 1.052e8: windows up to 1,000 segments stall."""

TAU, RTT = 8e-5, 0.1 + 2 * HOST_S + 8 * 52 / 1.052e8
TIMEOUT = RTT + TAU + 0.2


def sent(sizes: Any, *, kept: bool = True, up: bool = True) -> Trace:
    """Messages between the first device and the server, all at once."""
    builder = TraceBuilder()
    ends = (0, -1) if up else (-1, 0)
    for size in sizes:
        builder.send(*ends, size, new_connection=False, kept=kept)
    return builder.build()


def asked(size: int, samples: int) -> Trace:
    """A message, then a computation of 5 ms for each sample, before the next round begins with its message."""
    builder = TraceBuilder()
    first = builder.send(0, -1, size, new_connection=False, kept=True)
    builder.compute(0, WORK, samples, mode="infer", after=first)
    return builder.build()


def stalls(count: int, window: float) -> float:
    """Slow start by hand."""
    total, done = 0.0, 0.0
    while done + window < count and window * TAU < RTT + TAU:
        total += RTT + TAU - window * TAU
        done, window = done + window, 2 * window
    return total


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 200_000), min_size=1, max_size=6),
    rate=st.floats(1e4, 1e9),
    rtt=st.floats(1e-3, 0.5),
    loss=st.sampled_from([0.0, 0.02]),
    kind=st.sampled_from(["tcp", "datagram"]),
    room=st.booleans(),
    up=st.booleans(),
)
def test_nothing_is_faster_than_the_wire(
    sizes: list[int], rate: float, rtt: float, loss: float, kind: str, room: bool, up: bool
) -> None:
    """All messages in one direction take at least their serialization one after the other, and one way."""
    link = STREAM | {"up_rate": rate, "down_rate": rate, "rtt": rtt, "loss": loss, "transport": kind}
    model = model_of(link, topology={"kind": "star", "one_room": room})
    way = Way.of(model.network.links[0], up=up)
    serial = float(way.airtime_s(np.array(sizes, dtype=float)).sum())
    cost = model.cost(sent(sizes, up=up))
    assert cost.end_s_total >= (serial + rtt / 2) * (1 - 1e-9)
    if kind == "tcp" and not loss and not room:
        assert cost.end_s_total == pytest.approx(serial + rtt / 2 + HOST_S, rel=1e-9)


def test_messages_of_a_round_that_opens_its_connections_pass_each_other() -> None:
    """As rounds of federated learning are booked, of which each device has one message in each direction."""
    model = model_of(STREAM)
    assert model.cost(sent([4000, 4000], kept=False)).end_s_total == model.cost(sent([4000])).end_s_total


def test_directions_and_pairs_do_not_wait_for_each_other() -> None:
    model, builder = model_of(STREAM, 2), TraceBuilder()
    for source, target in ((0, -1), (-1, 0), (1, -1), (-1, 1)):
        builder.send(source, target, 4000, new_connection=False, kept=True)
    assert model.cost(builder.build()).end_s_total == model.cost(sent([4000])).end_s_total


@pytest.mark.parametrize("topology", ["star", "mesh", "hierarchical", "tree"])
@pytest.mark.parametrize("link", [FRAMES, STREAM, FAST], ids=["frames", "stream", "fast"])
def test_closed_form_events_and_rounds_agree(topology: str, link: dict[str, Any]) -> None:
    more = {"gateways": 2} if topology == "hierarchical" else {"pattern": "full"} if topology == "mesh" else {}
    model, builder = model_of(link, 4, topology={"kind": topology} | more), TraceBuilder()
    for _ in range(2):
        builder.next_round()
        up = builder.send([0, 0, 1, 2], -1, [900, 8000, 70_000, 500], new_connection=False, kept=True)
        done = builder.compute([0, 0, 1, 2], WORK, [1, 1, 40, 7], mode="infer", after=up)
        builder.barrier(builder.send(-1, [3, 3, 3, 1], 2000, new_connection=False, kept=True, after=done))
    trace = builder.build()
    one, two = model.cost(trace), model.cost(trace, method="events")
    np.testing.assert_allclose(one.end_s, two.end_s, rtol=0, atol=1e-9)
    assert one.round_s[0] == pytest.approx(one.round_s[1], rel=1e-12)


def test_a_warm_connection_does_not_start_slowly() -> None:
    """60 segments: cold windows 10, 20 and 40 stall; warm, the message takes its bytes, the way and the host."""
    plain = 60 * 8 * 1052 / 1.052e8 + 0.05 + HOST_S
    model = model_of(FAST)
    assert model.cost(sent([60_000])).end_s_total == pytest.approx(plain, rel=1e-12)
    cold = model.cost(sent([60_000], kept=False)).end_s_total
    assert cold == pytest.approx(plain + stalls(60, 10), rel=1e-12)


@pytest.mark.parametrize(("samples", "halved"), [(50, 0), (100, 1), (150, 2), (4000, 13)])
def test_a_window_is_halved_for_each_timeout_of_silence(samples: int, halved: int) -> None:
    """RFC 2861: the window of 10 + 200 segments after 0.25, 0.5, 0.75 and 20 s; a timeout is 0.3 s."""
    assert halved == min(13, int(np.ceil(5e-3 * samples / TIMEOUT)) - 1)
    plain = 200 * TAU + 0.05 + HOST_S
    window = max(10.0, 210 / 2**halved)
    expected = plain + stalls(200, window) + 5e-3 * samples
    assert model_of(FAST).cost(asked(200_000, samples)).end_s_total == pytest.approx(expected, rel=1e-9)
    if halved == 13:
        assert stalls(200, window) == stalls(200, 10)


@pytest.mark.parametrize("size", [3000, 60_000, 300_000])
@pytest.mark.parametrize("samples", [1, 100, 400])
def test_a_stream_of_requests_takes_what_its_packets_take(samples: int, size: int) -> None:
    """The median round of many, packet by packet, with windows that open and shrink as they do."""
    model, trace = model_of(FAST), asked(size, samples)
    found = model.cost(Trace.concat([trace] * 12), method="monte_carlo", samples=1).round_s
    assert model.cost(trace).round_s[0] == pytest.approx(float(np.median(found)), rel=0.05)


def test_messages_that_are_drawn_from_are_warm_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.costs.sampling.MOST_PACKETS", 10)
    model = model_of(FAST | {"jitter": 1e-6})
    found = model.cost(sent([60_000]), method="monte_carlo", samples=5)
    assert found.spread is not None
    assert found.spread.followed == "messages"
    assert found.end_s_total == pytest.approx(model.cost(sent([60_000])).end_s_total, rel=0.01)


@pytest.mark.parametrize(("samples", "stalled"), [(1, False), (120, True)])
def test_on_a_shared_channel_a_window_waits_for_its_acknowledgments(samples: int, stalled: bool) -> None:
    """Eleven segments of 8 ms fill a channel of 60 ms; acknowledgments wait for all ten of the first window, and the
    eleventh for their way back: 30 ms, the host and 52 bytes. A warm window holds them all.
    """
    model = model_of(STREAM | {"rtt": 0.06, "shared_medium": True}, topology={"kind": "star", "one_room": True})
    air = 1.052e6
    plain = 8 * 11_572 / air + 5 * 8 * 52 / air + 0.03 + HOST_S
    turn = 0.03 + HOST_S + 8 * 52 / air
    trace = asked(11_000, samples)
    expected = plain + stalled * turn + 5e-3 * samples
    assert model.cost(trace).round_s[0] == pytest.approx(expected, rel=1e-9)
    found = model.cost(Trace.concat([trace] * 12), method="monte_carlo", samples=1).round_s
    assert float(np.median(found)) == pytest.approx(expected, rel=0.02)


def periods(timeouts: float) -> tuple[Route, float]:
    """A request of one message, its connection idle for so many timeouts before the next; and its warm latency."""
    model, trace = model_of(FAST), sent([200_000])
    seconds = float(model.cost(trace).round_s[0])
    return Route.of(trace, model, period_s=seconds + timeouts * TIMEOUT), seconds


@pytest.mark.parametrize(("timeouts", "halved"), [(-1.0, 0), (0.99, 0), (1.01, 1), (3.5, 3), (500.0, 13)])
def test_a_stream_with_a_rate_is_idle_between_its_requests(timeouts: float, halved: int) -> None:
    """A message of 200 segments that fills its round is idle for the rest of the period: k = ceil(idle / timeout) - 1.

    A period shorter than the round makes nobody wait, however fast requests come.
    """
    route, warm = periods(timeouts)
    plain = 200 * TAU + 0.05 + HOST_S
    assert warm == pytest.approx(plain, rel=1e-9)
    found = float(simulate(route, np.zeros(1)).end_s[0])
    assert found == pytest.approx(plain + stalls(200, max(10.0, 210 / 2**halved)), rel=1e-9)


def test_silence_between_requests_does_not_keep_a_link_busy() -> None:
    """It waits for acknowledgments; its bytes take the link for as long as before: the sustained rate is the same."""
    np.testing.assert_allclose(periods(500.0)[0].busy_s, periods(0.0)[0].busy_s, rtol=1e-12)


def test_a_kept_connection_is_not_opened() -> None:
    with pytest.raises(EngineError, match="is not opened"):
        TraceBuilder().send(0, -1, 1, new_connection=True, kept=True)
