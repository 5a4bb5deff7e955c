"""Messages that devices pass on: time by hand, who pays, bytes once, scan against events."""

from typing import Any

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.costs import clock, relaying
from engine.costs.ledger import RELAY
from engine.costs.model import Cost, CostModel
from engine.costs.relaying import relayed
from engine.costs.trace import Trace, TraceBuilder
from tests.engine.costs.worlds import FRAMES, HOST_S, fleet_of, model_of, network_of, phase_of, round_trace

HOP_S = 1250 / 1250 + 0.1 + HOST_S
"""1,000 bytes in 10 frames with headers at 1,250 bytes on air a second, and 100 ms."""

DOWN_S = 0.5 + 0.1 + HOST_S
"""The same downwards, twice as fast."""

RADIO = {"tx_power": 2.0, "rx_power": 0.5}


def line(count: int, **link: Any) -> CostModel:
    """Server, 0, 1, 2, ... in a row."""
    return model_of(FRAMES | link, count, topology={"kind": "tree", "branching": 1})


def sent(model: CostModel, source: int, target: int, *, new_connection: bool = False) -> Cost:
    """One message of 1,000 bytes."""
    builder = TraceBuilder()
    builder.send(source, target, 1000, new_connection=new_connection)
    return model.cost(builder.build())


def energies(cost: Cost, phase: str) -> dict[int, float]:
    """Joules of one phase by device."""
    column = cost.ledger.values["energy_j"][:, cost.ledger.phases.index(phase)]
    return {int(device): float(joules) for device, joules in zip(cost.ledger.devices, column, strict=True)}


def test_each_hop_takes_the_whole_message_again() -> None:
    assert sent(line(4), 3, -1).end_s_total == pytest.approx(4 * HOP_S)
    assert sent(line(4), -1, 2).end_s_total == pytest.approx(3 * DOWN_S)
    assert sent(line(4), 1, 3).end_s_total == pytest.approx(2 * DOWN_S)


def test_messages_pile_up_at_the_last_hop() -> None:
    """All four start at once over a wired line; the hop to the server carries them one after the other."""
    builder = TraceBuilder()
    builder.send(np.arange(4), -1, 1000, new_connection=False)
    cost = line(4).cost(builder.build())
    # device k's message is behind k others there, and 100 ms and the host of each hop of its own before
    assert cost.end_s.tolist() == pytest.approx([(k + 1) * HOP_S for k in range(4)])


def test_a_radio_hears_its_children_or_its_parent_not_both() -> None:
    """Around the server only device 0 talks; around device 0 only device 1: both hops go on at once."""
    builder = TraceBuilder()
    builder.send([0, 1], -1, 1000, new_connection=False)
    builder.send(-1, 0, 1000, new_connection=False, phase="download")
    cost = line(2, shared_medium=True).cost(builder.build())
    # the download waits for device 0's upload; device 1's comes to the server's channel when that is free again
    assert cost.end_s.tolist() == pytest.approx([HOP_S, 0.1 + HOST_S + 0.5 + 0.9 - HOST_S + 1.1 + HOST_S, 1.6 + HOST_S])


def test_relays_pay_for_air_and_nothing_else() -> None:
    cost = sent(line(3, **RADIO), 2, -1)
    assert energies(cost, "upload") == pytest.approx({0: 0, 1: 0, 2: HOP_S + 2.0})
    assert energies(cost, RELAY) == pytest.approx({0: 2.5, 1: 2.5, 2: 0})
    # between their first and last second they are there for this round, at idle power
    assert energies(cost, "idle") == pytest.approx({0: 2 * HOP_S, 1: 2 * HOP_S, 2: 0})
    assert cost.item_energy_j.tolist() == pytest.approx([HOP_S + 2.0 + 5.0])


def test_payload_counts_once_and_the_wire_every_hop() -> None:
    totals = sent(line(3), 2, -1).ledger.totals()
    assert (totals["bytes_up"], totals["bytes_down"], totals["wire_bytes"]) == (1000, 0, 3 * 1250)
    totals = sent(line(3), -1, 2).ledger.totals()
    assert (totals["bytes_up"], totals["bytes_down"], totals["wire_bytes"]) == (0, 1000, 3 * 1250)


def test_only_the_end_joins_the_network() -> None:
    link = {"connect_time": 3.0, "connect_energy": 7.0}
    up, down = (sent(line(3, **link), *ends, new_connection=True) for ends in ((2, -1), (-1, 2)))
    for cost, seconds in ((up, 3 * HOP_S), (down, 3 * DOWN_S)):
        assert cost.end_s_total == pytest.approx(3.0 + seconds)
        assert phase_of(cost, "connect", "time_s") == pytest.approx(3.0)
        assert energies(cost, "connect") == pytest.approx({0: 0, 1: 0, 2: 3.0 + 7.0})


def test_a_round_waits_for_who_sent_last_not_for_who_passed_it_on() -> None:
    cost = line(5).cost(round_trace([1, 4]))
    assert cost.straggler is not None
    assert cost.straggler.device == 4
    assert cost.straggler.seconds == pytest.approx(cost.end_s_total)
    assert len(cost.start_s) == 7  # of the items as they were given


def test_rounds_one_by_one_cost_what_they_cost_together() -> None:
    model = line(6, shared_medium=True, **RADIO)
    whole = model.cost(round_trace([2, 3, 5], rounds=3))
    single = model.cost(round_trace([2, 3, 5]))
    assert whole.end_s_total == pytest.approx(3 * single.end_s_total)
    assert whole.ledger.totals()["energy_j"] == pytest.approx(3 * single.ledger.totals()["energy_j"])


@pytest.mark.parametrize("kind", ["tree", "ring", "mesh", "random_geometric", "small_world", "scale_free"])
@pytest.mark.parametrize("shared", [False, True])
def test_scan_and_events_agree(kind: str, shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(25).resolve()
    network = network_of(FRAMES | {"shared_medium": shared}, topology={"kind": kind}).resolve(fleet)
    trace = round_trace(np.arange(0, 25, 2), samples=np.arange(13) * 100, rounds=2)
    scanned = CostModel(fleet, network).cost(trace)
    monkeypatch.setattr(clock, "MAX_SWEEPS", 0)
    stepped = CostModel(fleet, network).cost(trace)
    np.testing.assert_allclose(scanned.end_s, stepped.end_s, rtol=0, atol=1e-9)


def test_many_lines_meet_as_few_do(monkeypatch: pytest.MonkeyPatch) -> None:
    model = line(9, shared_medium=True)
    trace = round_trace(np.arange(9))
    few = model.cost(trace)
    monkeypatch.setattr(clock, "MOST_IN_MASK", 3)
    np.testing.assert_array_equal(model.cost(trace).end_s, few.end_s)


def test_channels_are_numbered_anew_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    model = line(9, shared_medium=True)
    trace = round_trace([1, 4, 8], rounds=3)
    before = model.cost(trace)
    monkeypatch.setattr("engine.costs.crossing.MOST_CHANNELS", 1)
    np.testing.assert_array_equal(model.cost(trace).end_s, before.end_s)


def test_a_line_needs_one_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hops are ordered so that whatever feeds a channel has been served before it."""

    def never(trace: Trace, *_: Any) -> Any:
        raise AssertionError(f"{trace.num_items} items were simulated one by one")

    monkeypatch.setattr(clock, "MAX_SWEEPS", 2)
    monkeypatch.setattr(clock, "simulate", never)
    line(40).cost(round_trace(np.arange(40)))


def test_too_many_hops_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "MOST_HOPS", 10)
    builder = TraceBuilder()
    builder.send(np.arange(5), -1, 1, new_connection=False)
    with pytest.raises(EngineError, match=r"takes 15 hops, 3\.0 a message; at most 10") as caught:
        line(5).cost(builder.build())
    assert "more gateways" in caught.value.remedy


def test_barriers_and_causes_wait_for_the_last_hop() -> None:
    model = line(3)
    assert model.network.relays is not None
    builder = TraceBuilder()
    first = builder.send(2, -1, 1000, new_connection=False)
    met = builder.barrier(first)
    builder.send(-1, 0, 1000, new_connection=False, after=met)
    spread = relayed(builder.build(), model.network.relays)
    assert spread.trace["cause"].tolist() == [-1, 0, 1, -1, 3]
    assert spread.trace.members.tolist() == [2]
    assert spread.first.tolist() == [0, 3, 4, 5]
    cost = model.cost(builder.build())
    assert cost.end_s.tolist() == pytest.approx([3 * HOP_S, 3 * HOP_S, 3 * HOP_S + DOWN_S])
