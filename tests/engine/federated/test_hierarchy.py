"""Gateways that average their devices: against one server, by hand, and what they send."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.nodes import SERVER, gateway_node
from engine.costs.trace import SEND, Trace
from engine.federated.rounds.hubs import HUB, hub_step, mean_of_hubs
from engine.federated.task import Federated
from engine.network.spec import NetworkSpec
from engine.task.contract import Context, State
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

MODEL_BYTES = 4 * 1210


def world(folder: Path, gateways: int = 2, **changes: Any) -> Context:
    """Twelve boards: device i below gateway i modulo their number."""
    topology = {"topology": {"kind": "hierarchical", "gateways": gateways}}
    return context(folder, network=NetworkSpec.model_validate(topology), **changes)


def hierarchy(edge_rounds: int, **changes: Any) -> Federated:
    """The small task with gateways that average."""
    return task(coordination={"kind": "hierarchical", "edge_rounds": edge_rounds}, **changes)


@pytest.mark.parametrize("strategy", ["fedavg", "fedavgm", "fedprox"])
def test_one_gateway_that_always_reports_is_a_server(strategy: str, tmp_path: Path) -> None:
    """HierFAVG with one edge and kappa 2 = 1 is FedAvg, bit for bit."""
    plain, events = run(task(strategy={"kind": strategy}), world(tmp_path, gateways=1))
    tiered, told = run(hierarchy(1, strategy={"kind": strategy}), world(tmp_path, gateways=1))
    for name, array in plain.tensors.items():
        if name.startswith("server/"):
            assert np.array_equal(array, tiered.tensors[name]), name
    assert values_of(events, "accuracy") == values_of(told, "accuracy")


def test_two_gateways_by_hand(tmp_path: Path) -> None:
    """Gateway 0 gets updates 1 and 4 of weights 1 and 2, then 6 of weight 3; gateway 1 gets -2 of weight 2.

    Gateway 0 moves to (1 + 8) / 3 = 3, then to 9, with 6 trained under it; gateway 1 to -2 with 2. The server takes
    (6 * 9 - 2 * 2) / 8 = 6.25.
    """
    work, place = hierarchy(2), world(tmp_path)
    state = State(
        values={"hub_weights": {}, "weight": 3.0},
        tensors={"server/weights/w": np.zeros(1), "sum/weights/w": np.array([9.0])},
    )  # fmt: skip
    state = hub_step(work, place, state, (0, [0, 2]))
    assert state.tensors[f"{HUB}/0/weights/w"].tolist() == [3]
    assert "sum/weights/w" not in state.tensors
    state = hub_step(work, place, _with_sum(state, 2.0, -4.0), (1, [1]))
    state = hub_step(work, place, _with_sum(state, 3.0, 18.0), (0, [4]))
    assert (state.tensors[f"{HUB}/0/weights/w"].tolist(), state.tensors[f"{HUB}/1/weights/w"].tolist()) == ([9], [-2])
    assert state.tensors["server/weights/w"].tolist() == [0]
    assert mean_of_hubs(state)["weights"]["w"].tolist() == [6.25]


def _with_sum(state: State, weight: float, total: float) -> State:
    return state.replace(values={"weight": weight}, tensors={"sum/weights/w": np.array([total])})


def test_the_server_moves_at_the_end_of_cloud_rounds_only(tmp_path: Path) -> None:
    work, place = hierarchy(3, rounds=7, sampler={"kind": "uniform", "num_clients": 12}), world(tmp_path)
    state, events = run(work, place)
    accuracy = values_of(events, "accuracy")
    moved = [before != after for before, after in zip([None, *accuracy], accuracy, strict=False)][1:]
    # rounds 3 and 6, and the last one
    assert moved == [False, True, False, False, True, True]
    assert not [name for name in state.tensors if name.startswith(f"{HUB}/")]


def crossings(trace: Trace, source: int, target: int) -> int:
    """How many messages go from one node to another."""
    sends = trace["kind"] == SEND
    return int((sends & (trace["source"] == source) & (trace["target"] == target)).sum())


def test_what_is_sent(tmp_path: Path) -> None:
    """All twelve devices in four rounds, two of which end at the server."""
    work, place = hierarchy(2, rounds=4, sampler={"kind": "uniform", "num_clients": 12}), world(tmp_path)
    state, events = run(work, place)
    trace = work.trace(state)
    for gateway in (0, 1):
        node = gateway_node(gateway)
        assert crossings(trace, SERVER, node) == 2, "a model for each of the two turns"
        assert crossings(trace, node, SERVER) == 2
        assert crossings(trace, gateway, node) == 4
        assert crossings(trace, node, gateway) == 4
    assert not crossings(trace, 0, SERVER)
    assert values_of(events, "bytes_up")[-1] == 12 * 4 * MODEL_BYTES, "devices send to their gateways only"
    links = {row["owner"]: row for row in work.ledger(state).to_rows() if row["owner"] == "link:wan_fibre"}
    assert links["link:wan_fibre"], "the backhaul carries the gateways' models"
    cost = place.cost_model.cost(trace)
    assert cost.end_s_total == pytest.approx(values_of(events, "time_s")[-1], rel=1e-12)
    assert cost.ledger.totals()["energy_j"] == pytest.approx(values_of(events, "energy_j")[-1], rel=1e-12)


def test_gateways_need_no_server_in_between(tmp_path: Path) -> None:
    """Rounds without the backhaul are shorter."""
    _, often = run(hierarchy(1, rounds=4), world(tmp_path))
    _, seldom = run(hierarchy(4, rounds=4), world(tmp_path))
    assert values_of(seldom, "time_s")[-1] < values_of(often, "time_s")[-1]
    assert values_of(seldom, "bytes_up") == values_of(often, "bytes_up")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["per_client", "cohort"])
def test_resumes_exactly_in_mid_turn(path: str, tmp_path: Path) -> None:
    work = hierarchy(2, rounds=3, local={"path": path, "epochs": 1, "batch_size": 16}, strategy={"kind": "fedavgm"})
    assert_resumes_alike(work, lambda: world(tmp_path))


def test_late_devices_of_gateways_are_dropped(tmp_path: Path) -> None:
    scheduler = {"kind": "synchronous", "enough": 0.5}
    _, events = run(hierarchy(2, scheduler=scheduler, sampler={"kind": "uniform", "num_clients": 12}), world(tmp_path))
    cohorts = [event.body for event in events if event.kind == "cohort"]
    assert [len(body["clients"]) for body in cohorts] == [6, 6]
    assert [len(body["dropped"]) for body in cohorts] == [6, 6]
    tables = [event.body for event in events if event.kind == "clients"]
    assert all(list(body["ids"]) == sorted(body["ids"]) for body in tables)
    # the last update closes the first round; after the second one gateways still send their models to the server
    times, ends = values_of(events, "round_time_s"), [float(np.max(body["time_s"])) for body in tables]
    assert times[0] == pytest.approx(ends[0], abs=1e-6)
    assert times[1] > ends[1] + 1e-3


def test_the_estimate_has_the_same_messages(tmp_path: Path) -> None:
    work = hierarchy(5, rounds=200)
    trace = work.expected_trace(world(tmp_path))
    assert int(trace.repeats.sum()) == 200
    ends = (trace["kind"] == SEND) & (trace["target"] == SERVER)
    reports = int(trace.repeats[trace["round"][ends]].sum())
    assert reports == pytest.approx(2 * 40, rel=0.1), "two gateways, every fifth round"


@pytest.mark.parametrize("topology", [{"kind": "star"}, {"kind": "ring"}])
def test_networks_without_gateways_are_refused(topology: dict[str, Any], tmp_path: Path) -> None:
    network = NetworkSpec.model_validate({"topology": topology, "backhaul": None})
    (problem,) = hierarchy(2).check(context(tmp_path, network=network))
    assert (problem.path, problem.code) == ("coordination.kind", "no_gateways")
    standing = NetworkSpec.model_validate({"topology": {"kind": "hierarchical", "gateways": 2}, "backhaul": None})
    assert [found.code for found in hierarchy(2).check(context(tmp_path, network=standing))] == ["no_gateways"]
    assert not hierarchy(2).check(world(tmp_path))


def test_a_robust_rule_needs_enough_clients_below_a_gateway(tmp_path: Path) -> None:
    """Ten of twelve devices are drawn: five below each of two gateways."""
    everybody = {"kind": "uniform", "num_clients": 10}
    (problem,) = hierarchy(2, sampler=everybody, aggregator={"kind": "bulyan"}).check(world(tmp_path))
    assert (problem.path, problem.code) == ("aggregator.num_malicious", "too_few_clients")
    assert problem.message.endswith("a round has 5; each gateway combines the updates of its own devices only")
    assert not hierarchy(2, sampler=everybody, aggregator={"kind": "krum"}).check(world(tmp_path))


def test_gateways_that_get_too_few_updates_are_told(tmp_path: Path) -> None:
    """And what was trained below them does not count when the server averages."""
    work, place = hierarchy(2, rounds=1, aggregator={"kind": "krum"}), world(tmp_path)
    state, events = run(work, place)
    (told,) = [event.body["message"] for event in events if event.kind == "log" and event.body["level"] == "warning"]
    assert isinstance(told, str)
    assert told.startswith("round 1: at 2 of 2 gateways, of which one: ")
    assert told.endswith("krum needs 5: the model stays as it is")
    assert all(np.array_equal(array, state.tensors[name]) for name, array in work.init(place).tensors.items())
