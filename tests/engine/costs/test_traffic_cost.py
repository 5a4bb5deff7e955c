"""Transfers, term by term. Expected values are worked out by hand or stand in the project's measurements."""

import math

import numpy as np
import pytest

from engine.costs.path import Path, loss_s, slow_start_s
from engine.costs.way import Way
from engine.network.catalogue import links
from tests.engine.costs.worlds import FRAMES, HOST_S, STREAM, download, model_of, phase_of, round_trace, upload


def test_a_message_pays_frames_headers_latency_and_host() -> None:
    # 10 frames, 1,250 bytes on air at 10,000 bit/s (8,000 of payload), 100 ms, host
    assert upload(model_of(FRAMES), 1000).end_s_total == pytest.approx(1.0 + 0.1 + HOST_S, rel=1e-12)


def test_directions_differ() -> None:
    assert download(model_of(FRAMES), 1000).end_s_total == pytest.approx(0.5 + 0.1 + HOST_S, rel=1e-12)


def test_a_started_frame_pays_its_whole_header() -> None:
    # 150 bytes take 2 frames: 200 bytes on air
    assert upload(model_of(FRAMES), 150).end_s_total == pytest.approx(0.16 + 0.1 + HOST_S, rel=1e-12)


def test_an_empty_message_is_one_frame() -> None:
    assert upload(model_of(FRAMES), 0).end_s_total == pytest.approx(8 * 25 / 10_000 + 0.1 + HOST_S, rel=1e-12)


def test_a_new_tcp_connection_joins_and_shakes_hands() -> None:
    air = 1e6 * 1052 / 1000
    rtt = 0.1 + 2 * HOST_S + 8 * 52 / air
    handshake = rtt + 8 * 176 / air
    message = 8 * 4208 / air + 0.05 + HOST_S
    model = model_of(STREAM | {"connect_time": 0.5})
    assert upload(model, 4000).end_s_total == pytest.approx(message, rel=1e-12)
    cost = upload(model, 4000, new_connection=True)
    assert cost.end_s_total == pytest.approx(0.5 + handshake + message, rel=1e-12)
    assert phase_of(cost, "connect", "time_s") == pytest.approx(0.5 + handshake, rel=1e-12)
    assert phase_of(cost, "upload", "time_s") == pytest.approx(message, rel=1e-12)


def test_an_upload_rides_the_connection_of_its_download() -> None:
    cost = model_of(STREAM | {"connect_time": 1.5, "connect_energy": 0.2}).cost(round_trace([0]))
    rtt = 0.1 + 2 * HOST_S + 8 * 52 / 1.052e6
    once = 1.5 + rtt + 8 * 176 / 1.052e6
    assert phase_of(cost, "connect", "time_s") == pytest.approx(once, rel=1e-12)
    assert phase_of(cost, "connect", "energy_j") == pytest.approx(1.0 * once + 0.2, rel=1e-12)


def test_slow_start_stalls_until_the_window_covers_the_path() -> None:
    # tau 8 ms, RTT 100 ms: 10 segments last 80 of 108 ms, 20 outlast it
    assert slow_start_s(np.array([100.0]), np.array([0.008]), 0.1) == pytest.approx([0.108 - 0.08], rel=1e-12)
    # tau 0.1 ms, RTT 100 ms: windows 10, 20, 40 each leave a gap; the next would cover the rest
    gaps = (0.1001 - 0.001) + (0.1001 - 0.002) + (0.1001 - 0.004)
    assert slow_start_s(np.array([100.0]), np.array([0.0001]), 0.1) == pytest.approx([gaps], rel=1e-12)
    assert slow_start_s(np.array([10.0]), np.array([0.0001]), 0.1) == pytest.approx([0.0])


def test_loss_of_a_lone_segment_waits_for_the_timeout() -> None:
    # RTO = 0.1 + 0.01 + 0.2; expected p RTO / (1 - 2p)
    expected = 0.02 * 0.31 / 0.96
    assert loss_s(np.array([1.0]), np.array([0.01]), 0.1, 0.02) == pytest.approx([expected], rel=1e-12)


def test_loss_of_a_short_message_is_a_probe_or_fast_recovery() -> None:
    # n = 5: PTO = min(2 x 0.11 + 0.008, 0.31); middle loss hides behind the rest of the flight: 1.25 x 0.11 - 0.025
    tail = 0.02 * 0.228 / 0.96
    middle = (1 - 0.98**4) * 0.1125
    assert loss_s(np.array([5.0]), np.array([0.01]), 0.1, 0.02) == pytest.approx([tail + middle], rel=1e-12)


def test_loss_of_a_long_message_is_the_window() -> None:
    # n = 110, srtt 0.11: 100 segments beyond the first window at srtt sqrt(4p/3) each instead of tau
    tail = 0.03 * 0.228 / 0.94
    window = 100 * (0.11 * math.sqrt(0.04) - 0.01)
    assert loss_s(np.array([110.0]), np.array([0.01]), 0.1, 0.03) == pytest.approx([tail + window], rel=1e-12)


def test_a_lost_connection_request_waits_a_second() -> None:
    path = Path((), "tcp", 1000.0, 0.1, 0.0, "cubic")
    # SYN or SYN/ACK lost: q = 0.19; 1 s, then 2, 4 ...: q / (1 - 2q)
    assert path.handshake_s() == pytest.approx(0.19 / 0.62, rel=1e-12)


def test_the_link_layer_repeats_frames() -> None:
    # 1 / (1 - p) on air; the last frame waits p / (1 - p) round trips of 200 ms + one frame of 100 ms
    expected = 1.0 / 0.8 + 0.1 + HOST_S + 0.25 * (0.2 + 0.1)
    assert upload(model_of(FRAMES | {"loss": 0.2}), 1000).end_s_total == pytest.approx(expected, rel=1e-12)


def test_a_duty_cycle_silences_all_frames_but_the_last() -> None:
    # 10 frames of 0.1 s; 9 of them are followed by 99 times their length of silence
    cost = upload(model_of(FRAMES | {"duty_cycle": 0.01}), 1000)
    assert cost.end_s_total == pytest.approx(1.0 + 0.9 * 99 + 0.1 + HOST_S, rel=1e-12)


def test_a_gateway_keeps_its_duty_cycle_over_all_that_it_serves() -> None:
    link = FRAMES | {"duty_cycle": 0.1, "shared_medium": True}
    cost = download(model_of(link, count=2, topology={"kind": "star", "one_room": True}), 1000, devices=2)
    # 0.5 s on air and 4.5 s of silence each, one after the other
    assert cost.end_s == pytest.approx([5.0 + 0.1 + HOST_S, 10.0 + 0.1 + HOST_S], rel=1e-12)


def test_a_shared_medium_is_a_queue() -> None:
    link = FRAMES | {"shared_medium": True}
    apart = upload(model_of(link, count=3), 1000, devices=3)
    assert apart.end_s == pytest.approx([1.1 + HOST_S] * 3, rel=1e-12)
    together = upload(model_of(link, count=3, topology={"kind": "star", "one_room": True}), 1000, devices=3)
    assert together.end_s == pytest.approx([1.1 + HOST_S, 2.1 + HOST_S, 3.1 + HOST_S], rel=1e-12)


def test_a_hub_forwards_frame_by_frame() -> None:
    beyond = FRAMES | {"name": "beyond", "up_rate": 32_000.0, "rtt": 0.04}
    # the slower link paces (1 s), the other adds one frame (125 bytes at 40,000 bit/s), latencies add up
    cost = upload(model_of(FRAMES, backhaul=beyond), 1000)
    assert cost.end_s_total == pytest.approx(1.0 + 0.025 + 0.1 + 0.02 + HOST_S, rel=1e-12)


def test_gateways_store_and_forward_and_queue_at_their_backhaul() -> None:
    beyond = FRAMES | {"name": "beyond", "up_rate": 16_000.0, "rtt": 0.04}
    model = model_of(FRAMES, count=4, backhaul=beyond, topology={"kind": "hierarchical", "gateways": 2})
    cost = upload(model, 1000, devices=4)
    first = (1.0 + 0.1 + HOST_S) + (0.5 + 0.02 + HOST_S)
    # devices 0 and 2 share gateway 0, 1 and 3 share gateway 1; the second of each waits 0.5 s
    assert cost.end_s == pytest.approx([first, first, first + 0.5, first + 0.5], rel=1e-12)


def test_bytes_are_payload_and_wire_bytes_are_not() -> None:
    cost = upload(model_of(FRAMES | {"loss": 0.2}), 1000)
    totals = cost.ledger.totals()
    assert (totals["bytes_up"], totals["bytes_down"]) == (1000, 0)
    assert totals["wire_bytes"] == pytest.approx(1250 / 0.8, rel=1e-12)


# reference: datafree_inference.md, D2: one 1.08 MB update, bytes over usable throughput
UPDATES = {
    "wifi4_esp32": 0.43,
    "ble5_2m": 6.3,
    "ble5_1m": 12.3,
    "ltem": 23.0,
    "ieee802154_1hop": 144.0,
    "nbiot": 144.0,
}


@pytest.mark.parametrize(("name", "seconds"), UPDATES.items())
def test_serialization_agrees_with_the_catalogue_study(name: str, seconds: float) -> None:
    way = Way.of(links()[name].model_copy(update={"loss": links()["eth1g"].loss}), up=True)
    assert way.airtime_s(np.array([1.08e6]))[0] == pytest.approx(seconds, rel=0.02)


@pytest.mark.parametrize(("name", "days"), [("lorawan_eu868_sf7", 2.1), ("lorawan_eu868_sf12", 68.0)])
def test_lora_takes_days_for_an_update(name: str, days: float) -> None:
    way = Way.of(links()[name].model_copy(update={"loss": links()["eth1g"].loss}), up=True)
    payload = np.array([1.08e6])
    assert (way.airtime_s(payload) + way.silence_s(payload))[0] / 86400 == pytest.approx(days, rel=0.02)


# reference: emulation.md, section 2, transports: measured with real Linux TCP, payload up and 12 bytes back, in ms
MEASURED = [("wifi", 1000, 11.6), ("ble", 1000, 70.2), ("ble", 65_536, 605.1)]
PATHS = {"wifi": (20e6, 0.005, 1500), "ble": (1e6, 0.03, 1280)}


def emulated(name: str, loss: float = 0.0) -> Way:
    """A link of the emulation study: raw rate, one-way delay, MTU."""
    rate, delay, mtu = PATHS[name]
    return Way((mtu - 52) / mtu * rate, mtu - 52.0, 52.0, delay, loss)


@pytest.mark.parametrize(("name", "payload", "milliseconds"), MEASURED)
def test_loss_free_round_trips_agree_with_real_execution(name: str, payload: int, milliseconds: float) -> None:
    way = emulated(name)
    both = np.array([float(payload), 12.0])
    seconds = way.airtime_s(both) + way.latency_s + HOST_S
    assert seconds.sum() * 1e3 == pytest.approx(milliseconds, rel=0.05)


# reference: emulation.md, section 4.3: bulk transfers with Reno and with CUBIC; the mean of both, in s
BULK = [
    ("wifi", 512_000, 0.05, (1.04 + 1.24) / 2),
    ("wifi", 512_000, 0.01, (0.31 + 0.48) / 2),
    ("ble", 128_000, 0.05, 1.915),
]


@pytest.mark.parametrize(("name", "payload", "loss", "seconds"), BULK)
def test_lossy_bulk_transfers_agree_with_real_execution(name: str, payload: int, loss: float, seconds: float) -> None:
    way = emulated(name, loss)
    path = Path.of((way,))
    assert path is not None
    size = np.array([float(payload)])
    predicted = way.airtime_s(size) + way.latency_s + path.repair_s(size, way.airtime_s(size))
    assert predicted[0] == pytest.approx(seconds, rel=0.2)
