"""CoAP's confirmable blocks, and packets cut into fragments: every term by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.costs.latency import latency
from engine.costs.path import wait_s
from tests.engine.costs.worlds import HOST_S, model_of, upload

COAP: dict[str, Any] = {
    "name": "coap",
    "transport": "coap",
    "up_rate": 8000.0,
    "down_rate": 16000.0,
    "rtt": 0.2,
    "frame_payload": 100.0,
    "frame_header": 25.0,
}
"""Blocks of 100 bytes with 25 of header: 125 bytes at 10,000 bit/s on air take 0.1 s; an acknowledgment of 25 bytes
comes back twice as fast in 0.01 s; 100 ms one way."""


def test_blocks_wait_for_their_acknowledgments() -> None:
    """Three blocks: each takes 0.1 s on air; the first two wait for 0.2 s there and back, twice the host's time, and
    0.01 s of the acknowledgment; the last one has arrived after 0.1 s and the host's time.
    """
    expected = 3 * 0.1 + 2 * (0.2 + 2 * HOST_S + 0.01) + 0.1 + HOST_S
    assert upload(model_of(COAP), 300).end_s_total == pytest.approx(expected, rel=1e-12)
    assert latency(model_of(COAP), 0, 300).mean_s == pytest.approx(expected, rel=1e-12)


def test_there_is_no_connection_to_open() -> None:
    model = model_of(COAP)
    assert upload(model, 300, new_connection=True).end_s_total == upload(model, 300).end_s_total


def test_unanswered_blocks_wait_two_and_a_half_seconds_and_twice_as_long_each_time() -> None:
    """Q = 0.1: 2.5 s x 0.1 x (1 + 0.2 + 0.04 + 0.008 + 0.0016) / (1 - 0.1^5)."""
    assert wait_s(0.1) == pytest.approx(2.5 * 0.1 * 1.2496 / (1 - 1e-5), rel=1e-12)
    assert wait_s(0.0) == 0.0


@pytest.mark.slow
def test_loss_costs_the_timeouts_of_blocks_and_acknowledgments() -> None:
    """P = 0.1: two blocks go unanswered with 1 - 0.81 = 0.19 each; of the last only the block itself counts. Lost
    blocks are on air again: 1 / 0.9.
    """
    fixed = 3 * 0.1 / 0.9 + 2 * (0.2 + 2 * HOST_S + 0.01) + 0.1 + HOST_S
    model = model_of(COAP | {"loss": 0.1})
    expected = fixed + 2 * wait_s(0.19) + wait_s(0.1)
    assert upload(model, 300).end_s_total == pytest.approx(expected, rel=1e-12)
    assert latency(model, 0, 300, samples=3000).mean_s == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_a_lost_block_waits_for_its_own_timer_between_two_and_three_seconds() -> None:
    """No floor of 200 ms, but one of 2 s: of single blocks, 90 % come at once, most others after one timeout."""
    found = latency(model_of(COAP | {"loss": 0.1}), 0, 100, samples=3000).samples_s
    at_once = 0.1 + 0.1 + HOST_S
    assert (found < at_once + 1e-9).mean() == pytest.approx(0.9, abs=0.02)
    late = found[found > at_once + 1e-9] - at_once
    once = late[late < 4]
    assert 2 <= once.min() < 2.1
    assert 2.9 < once.max() <= 3.0
    assert once.mean() == pytest.approx(2.5, abs=0.05)
    assert len(once) / len(late) == pytest.approx(0.9, abs=0.05)


def test_coap_takes_turns_with_its_acknowledgments() -> None:
    """Two devices in a room send one block each: the second waits for 0.1 s and the acknowledgment's 0.01 s."""
    link = COAP | {"shared_medium": True}
    cost = upload(model_of(link, 2, topology={"kind": "star", "one_room": True}), 100, devices=2)
    assert cost.end_s == pytest.approx([0.1 + 0.1 + HOST_S, 0.21 + 0.1 + HOST_S], rel=1e-12)


FRAGMENTS = COAP | {"fragment_payload": 50.0, "fragment_header": 10.0}
"""125 bytes go in three fragments with 10 bytes more each: 155 bytes on air; the rate of full frames stays."""


def test_fragments_add_a_header_each() -> None:
    """Air rate 8000 x 155 / 100 = 12,400 bit/s; 40 bytes of payload and 25 of header take two fragments: 85 bytes.
    Bytes on the wire of 240 bytes: 2 x 155 and 40 + 25 + 2 x 10.
    """
    model = model_of(FRAGMENTS)
    assert upload(model, 40).end_s_total == pytest.approx(8 * 85 / 12_400 + 0.1 + HOST_S, rel=1e-12)
    assert upload(model, 100).end_s_total == pytest.approx(0.1 + 0.1 + HOST_S, rel=1e-12)
    assert upload(model, 240).ledger.totals()["wire_bytes"] == pytest.approx(2 * 155 + 85, rel=1e-12)
    assert latency(model, 0, 240).mean_s == pytest.approx(upload(model, 240).end_s_total, rel=1e-12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5000), st.integers(0, 5000), st.floats(0, 0.25), st.floats(0, 0.25), st.floats(0, 1))
def test_more_bytes_loss_or_distance_never_take_less(one: int, two: int, loss: float, other: float, rtt: float) -> None:
    def seconds(payload: int, loss: float, rtt: float) -> float:
        return upload(model_of(FRAGMENTS | {"loss": loss, "rtt": rtt}), payload).end_s_total

    near, far = sorted((rtt, 0.2))
    low, high = sorted((loss, other))
    few, many = sorted((one, two))
    base = seconds(few, low, near)
    for worse in (seconds(many, low, near), seconds(few, high, near), seconds(few, low, far)):
        assert base <= worse * (1 + 1e-12)


def test_the_time_of_day_of_a_drawing_does_not_matter() -> None:
    """The same seed gives the same drawing, alone or after others."""
    model = model_of(COAP | {"loss": 0.2})
    np.testing.assert_array_equal(
        latency(model, 0, 300, samples=5, seed=3).samples_s, latency(model, 0, 300, samples=5, seed=3).samples_s
    )
