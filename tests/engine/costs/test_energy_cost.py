"""Energy: base power by what the device does, and the radio on top. Expected values are worked out by hand."""

import pytest

from engine.costs.trace import TraceBuilder
from engine.network.catalogue import links
from tests.engine.costs.worlds import FRAMES, HOST_S, WORK, model_of, phase_of, round_trace, upload

RADIO = FRAMES | {"tx_power": 0.5, "rx_power": 0.25, "connected_power": 0.125}
MESSAGE_S = 1.0 + 0.1 + HOST_S


def test_sending_draws_idle_power_and_the_radio() -> None:
    cost = upload(model_of(RADIO), 1000)
    # idle 1 W throughout, 0.5 W for 1 s on air, 0.125 W for the rest
    expected = 1.0 * MESSAGE_S + 0.5 * 1.0 + 0.125 * (MESSAGE_S - 1.0)
    assert phase_of(cost, "upload", "energy_j") == pytest.approx(expected, rel=1e-12)
    assert cost.ledger.totals()["energy_j"] == pytest.approx(expected, rel=1e-12)


def test_a_round_pays_receiving_computing_sending_and_the_connected_radio() -> None:
    cost = model_of(RADIO).cost(round_trace([0]))
    down = 0.5 + 0.1 + HOST_S
    assert phase_of(cost, "download", "energy_j") == pytest.approx(down + 0.25 * 0.5 + 0.125 * (down - 0.5), rel=1e-12)
    assert phase_of(cost, "compute", "energy_j") == pytest.approx(5 * 0.15, rel=1e-12)
    # the radio stays connected while the device computes
    assert phase_of(cost, "idle", "energy_j") == pytest.approx(0.125 * 0.15, rel=1e-12)
    assert phase_of(cost, "idle", "time_s") == pytest.approx(0.0, abs=1e-12)


def test_a_tail_bounds_the_silence_and_follows_the_last_message() -> None:
    cost = model_of(RADIO | {"tail_time": 0.05}).cost(round_trace([0]))
    assert phase_of(cost, "idle", "energy_j") == pytest.approx(0.125 * 0.05, rel=1e-12)
    assert phase_of(cost, "tail", "energy_j") == pytest.approx(0.125 * 0.05, rel=1e-12)
    assert phase_of(cost, "tail", "time_s") == pytest.approx(0.05, rel=1e-12)
    assert cost.end_s_total == pytest.approx(model_of(RADIO).cost(round_trace([0])).end_s_total, rel=1e-12)


def test_waiting_for_others_is_idle_and_only_between_own_items() -> None:
    builder = TraceBuilder()
    computed = builder.compute([0, 1], WORK, [10, 100], mode="infer")
    everyone = builder.barrier(computed)
    builder.send([0], -1, 1000, new_connection=False, after=everyone)
    cost = model_of(FRAMES, count=2).cost(builder.build())
    # device 0 computes 0.05 s and waits 0.45 s at 1 W; device 1 has ended by then
    assert phase_of(cost, "idle", "time_s") == pytest.approx(0.45, rel=1e-12)
    assert phase_of(cost, "idle", "energy_j") == pytest.approx(0.45, rel=1e-12)


def test_waiting_in_line_is_a_phase_of_its_own() -> None:
    link = RADIO | {"shared_medium": True}
    cost = upload(model_of(link, count=2, topology={"kind": "star", "one_room": True}), 1000, devices=2)
    assert phase_of(cost, "upload", "time_s") == pytest.approx(2 * MESSAGE_S, rel=1e-12)
    # the second waits for the first one's second on air, connected and silent
    assert phase_of(cost, "queue", "time_s") == pytest.approx(1.0, rel=1e-12)
    assert phase_of(cost, "queue", "energy_j") == pytest.approx(1.0 + 0.125, rel=1e-12)
    silent = 2 * (MESSAGE_S - 1.0)
    assert phase_of(cost, "upload", "energy_j") == pytest.approx(2 * MESSAGE_S + 0.5 * 2 + 0.125 * silent, rel=1e-12)
    assert phase_of(cost, "upload", "bytes_up") == 2000
    assert phase_of(cost, "queue", "bytes_up") == 0


def test_an_operators_network_pays_per_bit_on_its_own_account() -> None:
    beyond = FRAMES | {"name": "beyond", "up_rate": 32_000.0, "up_bit_energy": 1e-6, "down_bit_energy": 3e-6}
    cost = upload(model_of(FRAMES, backhaul=beyond), 1000)
    totals = cost.ledger.totals()
    assert totals["network_energy_j"] == pytest.approx(8 * 1250 * 1e-6, rel=1e-12)
    assert totals["energy_j"] == pytest.approx(1.0 * cost.end_s_total, rel=1e-12)


def test_lte_tail_is_the_catalogues() -> None:
    lte = links()["lte4g"].model_dump()
    cost = upload(model_of(lte), 100)
    # reference: datafree_inference.md, D2: base 1288 mW, tail 11.6 s
    assert phase_of(cost, "tail", "energy_j") == pytest.approx(1.288 * 11.576, rel=1e-9)


def test_recalled_power_marks_the_energy_but_not_the_time() -> None:
    recalled = {"value": 1.0, "unit": "W", "provenance": "recalled", "source": "memory"}
    cost = upload(model_of(FRAMES, device={"idle_power_w": recalled}), 1000)
    assert phase_of(cost, "upload", "recalled_time_s") == 0
    assert cost.ledger.totals()["share_recalled"] == pytest.approx(1.0)


def test_a_recalled_rate_marks_the_time_on_air_and_what_hangs_on_it() -> None:
    recalled = {"value": 8000.0, "unit": "bit/s", "provenance": "recalled", "source": "memory"}
    cost = upload(model_of(RADIO | {"up_rate": recalled}), 1000)
    share = 1.0 / MESSAGE_S
    assert phase_of(cost, "upload", "recalled_time_s") == pytest.approx(1.0, rel=1e-12)
    assert cost.ledger.totals()["share_recalled"] == pytest.approx(
        (MESSAGE_S * share + 0.5 + 0.125 * (MESSAGE_S - 1) * share) / cost.ledger.totals()["energy_j"], rel=1e-9
    )
