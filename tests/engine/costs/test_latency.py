"""Times as distributions: the closed form where nothing is lost, hand-worked laws, and real executions."""

from typing import Any

import numpy as np
import pytest

from engine.costs.latency import latency
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from tests.engine.costs.worlds import FRAMES, HOST_S, download, model_of, upload


def stream_of(rate: float, delay: float, mtu: int, loss: float = 0.0, **changes: Any) -> dict[str, Any]:
    """TCP over a link of that raw rate, one-way delay and packet size."""
    payload_rate = rate * (mtu - 52) / mtu
    link = {"name": "x", "up_rate": payload_rate, "down_rate": payload_rate, "rtt": 2 * delay, "loss": loss}
    return link | {"frame_payload": mtu - 40, "frame_header": 40} | changes


WIFI, BLE = (20e6, 0.005, 1500), (1e6, 0.03, 1280)


@pytest.mark.parametrize("path", [WIFI, BLE, (250e3, 0.02, 1280)])
@pytest.mark.parametrize("payload", [0, 1, 256, 1448, 32_768])
@pytest.mark.parametrize("new_connection", [False, True])
def test_without_loss_it_is_the_closed_form(path: Any, payload: int, new_connection: bool) -> None:
    model = model_of(stream_of(*path))
    found = latency(model, 0, payload, new_connection=new_connection)
    expected = upload(model, payload, new_connection=new_connection).end_s_total
    # opening a connection: the closed form counts one acknowledgment more
    assert found.mean_s == pytest.approx(expected, rel=0.03 if new_connection else 1e-3)
    assert found.quantile_s(0.05) == found.quantile_s(0.95)


@pytest.mark.parametrize("topology", ["star", "hierarchical", "tree"])
@pytest.mark.parametrize("backhaul", [None, "wan_fibre"])
def test_hops_add_up_as_in_the_closed_form(topology: str, backhaul: str | None) -> None:
    fields: dict[str, Any] = {"kind": topology} | ({"gateways": 1} if topology == "hierarchical" else {})
    model = model_of(stream_of(*BLE), 7, topology=fields, backhaul=backhaul)
    fibre = 0.0 if backhaul is None else 0.01
    assert latency(model, 0, 5000).mean_s == pytest.approx(upload(model, 5000).end_s_total, rel=1e-3, abs=fibre)
    assert latency(model, 0, 5000, up=False).mean_s == pytest.approx(download(model, 5000).end_s_total, abs=0.01)


@pytest.mark.slow
def test_a_lone_segment_waits_for_its_timeout_as_often_as_it_is_lost() -> None:
    """With 10 % loss: 90 % arrive at once; the lost tenth waits 200 ms and more for the probe."""
    model = model_of(stream_of(*WIFI, loss=0.1))
    found = latency(model, 0, 256, samples=2000)
    at_once = 8 * 308 / 20e6 + 0.005 + HOST_S
    assert (found.samples_s < at_once * 1.001).mean() == pytest.approx(0.9, abs=0.02)
    late = found.samples_s[found.samples_s > at_once * 1.001]
    assert late.min() > 0.2
    assert found.quantile_s(0.5) == pytest.approx(at_once, rel=1e-3)


@pytest.mark.slow
def test_a_lost_request_costs_a_second() -> None:
    model = model_of(stream_of(*WIFI, loss=0.05))
    found = latency(model, 0, 100, new_connection=True, samples=2000)
    # neither SYN nor SYN/ACK lost: 0.95^2
    assert (found.samples_s < 1).mean() == pytest.approx(0.9025, abs=0.02)


@pytest.mark.slow
def test_frames_of_a_link_layer_repeat_geometrically() -> None:
    """Ten frames of 0.1 s and 1 - p = 0.8: the mean is 1.25 s on air and p / (1 - p) round trips of 0.3 s."""
    model = model_of(FRAMES | {"loss": 0.2})
    found = latency(model, 0, 1000, samples=3000)
    assert found.mean_s == pytest.approx(1.25 + 0.1 + HOST_S + 0.25 * 0.3, rel=0.02)
    assert found.mean_s == pytest.approx(upload(model, 1000).end_s_total, rel=0.02)
    assert found.quantile_s(0.01) == pytest.approx(1.1 + HOST_S)
    assert found.quantile_s(0.99) > found.quantile_s(0.5) > found.quantile_s(0.01)


# Real Linux TCP (6.18, new connections, handshake not counted) between processes over an emulated link: median and mean
# seconds of so many transfers
MID = (5e6, 0.015, 1400)
REAL = [
    (WIFI, 512_000, 0.01, "cubic", 0.276, 0.303, 150),
    (WIFI, 512_000, 0.01, "reno", 0.239, 0.286, 150),
    (WIFI, 512_000, 0.01, "bbr", 0.225, 0.240, 60),
    (WIFI, 512_000, 0.05, "cubic", 0.880, 0.944, 200),
    (WIFI, 512_000, 0.05, "reno", 0.823, 0.892, 80),
    (WIFI, 512_000, 0.05, "bbr", 0.244, 0.269, 140),
    (WIFI, 128_000, 0.02, "cubic", 0.0673, 0.0796, 200),
    (BLE, 128_000, 0.01, "cubic", 1.108, 1.119, 40),
    (BLE, 128_000, 0.05, "cubic", 1.194, 1.319, 40),
    (BLE, 128_000, 0.05, "reno", 1.290, 1.440, 40),
    (MID, 128_000, 0.02, "cubic", 0.244, 0.277, 100),
]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "payload", "loss", "congestion", "median", "mean", "count"), REAL)
def test_bulk_transfers_come_near_real_ones(
    path: Any, payload: int, loss: float, congestion: str, median: float, mean: float, count: int
) -> None:
    """Within 20 %; half of the 95 % interval of the measured means is 5 to 15 %, that of ours 3 to 8 %."""
    model = model_of(stream_of(*path, loss, congestion=congestion))
    found = latency(model, 0, payload, samples=100)
    assert found.quantile_s(0.5) == pytest.approx(median, rel=0.2), count
    assert found.mean_s == pytest.approx(mean, rel=0.2)


# The study of the emulator: means of twelve transfers each, themselves uncertain by 15 to 30 %
STUDY = [
    (WIFI, 512_000, 0.05, "reno", 1.04),
    (WIFI, 512_000, 0.05, "cubic", 1.24),
    (WIFI, 512_000, 0.01, "reno", 0.31),
    (WIFI, 512_000, 0.05, "bbr", 0.242),
]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "payload", "loss", "congestion", "seconds"), STUDY)
def test_bulk_transfers_come_near_those_of_the_study(
    path: Any, payload: int, loss: float, congestion: str, seconds: float
) -> None:
    model = model_of(stream_of(*path, loss, congestion=congestion))
    assert latency(model, 0, payload, samples=60).mean_s == pytest.approx(seconds, rel=0.3)


# Real messages over one kept connection, 20 ms after the answer of 12 bytes to the one before: median and mean
KEPT = [
    (WIFI, 256, 0.05, "cubic", 0.0054, 0.0182),
    (WIFI, 8_192, 0.05, "cubic", 0.0182, 0.0265),
    (WIFI, 32_768, 0.01, "cubic", 0.0290, 0.0329),
    (WIFI, 32_768, 0.05, "cubic", 0.0657, 0.0954),
    (WIFI, 32_768, 0.05, "bbr", 0.0250, 0.0389),
    (MID, 32_768, 0.02, "cubic", 0.1273, 0.1389),
    (BLE, 1_024, 0.05, "reno", 0.0389, 0.0603),
    (BLE, 8_192, 0.05, "cubic", 0.1676, 0.1901),
]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "payload", "loss", "congestion", "median", "mean"), KEPT)
def test_messages_over_kept_connections_come_near_real_ones(
    path: Any, payload: int, loss: float, congestion: str, median: float, mean: float
) -> None:
    """200 to 600 messages each; at 5 % loss their means are uncertain by a quarter."""
    model = model_of(stream_of(*path, loss, congestion=congestion))
    builder = TraceBuilder()
    for _ in range(400):
        builder.next_round()
        answer = builder.send(-1, 0, 12, new_connection=False, phase="download", after=None)
        rest = builder.compute(0, Work(macs={"conv": 20_000_000}), 1, mode="infer", after=answer)
        builder.send(0, -1, payload, new_connection=False, after=rest)
    messages = model.spread(builder.build(), samples=2).messages_s["upload"]
    assert np.median(messages) == pytest.approx(median, rel=0.25)
    assert messages.mean() == pytest.approx(mean, rel=0.4)


@pytest.mark.slow
def test_bbr_does_not_slow_down_for_loss_in_either_model() -> None:
    def means(congestion: str) -> tuple[float, float]:
        model = model_of(stream_of(*WIFI, loss=0.02, congestion=congestion))
        return latency(model, 0, 500_000, samples=30).mean_s, upload(model, 500_000).end_s_total

    assert all(one < 0.7 * two for one, two in zip(means("bbr"), means("cubic"), strict=True))


def test_the_slowest_link_decides_on_the_congestion_control() -> None:
    fast = stream_of(1e9, 0.001, 1500, loss=0.02, congestion="cubic") | {"name": "fast"}
    slow = stream_of(*WIFI, loss=0.02, congestion="bbr")
    other = upload(model_of(slow | {"congestion": "cubic"}, backhaul=fast), 500_000).end_s_total
    assert upload(model_of(slow, backhaul=fast), 500_000).end_s_total < 0.7 * other


def test_seeds_repeat_and_differ() -> None:
    model = model_of(stream_of(*WIFI, loss=0.05))
    one, again, two = (latency(model, 0, 50_000, samples=40, seed=seed).samples_s for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, two)


def test_messages_too_long_to_follow_get_the_mean_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model: CostModel = model_of(stream_of(*WIFI, loss=0.01))
    assert latency(model, 0, 50_000, samples=3).is_sampled
    monkeypatch.setattr("engine.costs.sampling.MOST_PACKETS", 10)
    assert latency(model, 0, 50_000, samples=3).is_sampled
    monkeypatch.setattr("engine.costs.sampling.LONGEST_MESSAGE", 10)
    found = latency(model, 0, 50_000, samples=3)
    assert not found.is_sampled
    assert found.mean_s == pytest.approx(upload(model, 50_000).end_s_total)
