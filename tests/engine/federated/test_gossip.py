"""Devices that mix their models with their neighbors': against one server, by hand, and what they send."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.nodes import SERVER
from engine.costs.trace import COMPUTE, SEND
from engine.federated.gossip.peers import MODEL
from engine.federated.task import Federated
from engine.network.spec import NetworkSpec
from engine.task.contract import State
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

EVERYBODY = {"kind": "uniform", "num_clients": 12}
MODEL_BYTES = 4 * 1210
RING = NetworkSpec.model_validate({"topology": {"kind": "ring"}})


def gossip(graph: dict[str, Any] | None = None, **changes: Any) -> Federated:
    """The small task in which all devices gossip."""
    names = ("weights", "mixing")
    own = {name: changes.pop(name) for name in names if name in changes}
    coordination = {"kind": "gossip", "graph": graph or {"kind": "ring"}, **own}
    return task(coordination=coordination, **{"sampler": EVERYBODY, **changes})


def models(state: State) -> np.ndarray:
    """(N, P) the models of all devices that took part."""
    return np.stack(
        [
            np.concatenate([state.clients[device][name].reshape(-1) for name in sorted(state.clients[device])])
            for device in state.clients
        ]
    )


@pytest.mark.parametrize("path", ["cohort", "per_client"])
def test_on_a_complete_graph_all_have_the_mean(path: str, tmp_path: Path) -> None:
    """With as many samples for each, that is FedAvg; 1797 digits, 20 % of which are for tests, give 12 parts of 119."""
    partition = {"kind": "iid", "num_parts": 12}
    changes = {"partition": partition, "local": {"epochs": 1, "batch_size": 32, "lr": 0.1, "path": path}}
    plain, events = run(task(sampler=EVERYBODY, rounds=3, **changes), context(tmp_path))
    world = context(tmp_path)
    mixed, told = run(gossip({"kind": "complete"}, rounds=3, **changes), world)
    sizes = world.cache["population"].sizes
    tolerance = 1e-5 if sizes.min() == sizes.max() else 2e-3  # parts that differ by one sample count a little otherwise
    for name, array in plain.tensors.items():
        if name.startswith("server/"):
            assert mixed.tensors[name] == pytest.approx(array, abs=tolerance), name
    assert values_of(told, "consensus_distance") == pytest.approx([0, 0, 0], abs=1e-5)
    assert values_of(told, "accuracy") == pytest.approx(values_of(events, "accuracy"), abs=0.02)
    assert np.ptp(models(mixed), axis=0).max() < 1e-6


def test_alone_nobody_learns_from_others(tmp_path: Path) -> None:
    """A network that joins nobody who takes part: models stay as they were trained."""
    graph = {"kind": "network"}
    work = gossip(graph, sampler={"kind": "uniform", "num_clients": 1}, rounds=1)
    state, events = run(work, context(tmp_path, network=RING))
    assert len(state.clients) == 1
    assert values_of(events, "bytes_up") == [0]
    # eleven devices have the model of the start, one another: the distance is that of two groups
    (device,) = state.clients
    start = work.init(context(tmp_path))
    apart = np.sqrt(
        sum(
            float(np.sum((state.clients[device][f"{MODEL}/{name.removeprefix('server/weights/')}"] - array) ** 2))
            for name, array in start.tensors.items()
            if name.startswith("server/")
        )
    )
    assert values_of(events, "consensus_distance")[0] == pytest.approx(apart * np.sqrt(11) / 12, rel=1e-5)


def test_mixing_brings_models_together(tmp_path: Path) -> None:
    distances = {}
    for name, graph in (("ring", {"kind": "ring"}), ("dense", {"kind": "random_regular", "degree": 8})):
        _, events = run(gossip(graph, rounds=3), context(tmp_path))
        distances[name] = values_of(events, "consensus_distance")[-1]
    assert 0 < distances["dense"] < distances["ring"]


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    local = {"epochs": 5, "batch_size": 16, "lr": 0.1, "momentum": 0.5}
    _, events = run(gossip(rounds=4, local=local, partition={"kind": "iid"}), context(tmp_path))
    assert values_of(events, "accuracy")[-1] > 0.8


def test_messages_between_neighbors_in_the_network(tmp_path: Path) -> None:
    """Eleven connections between twelve devices in a row, both ways; what one sends another receives."""
    world = context(tmp_path, network=RING)
    work = gossip({"kind": "network"}, rounds=2)
    state, events = run(work, world)
    trace = work.trace(state)
    sends = trace["kind"] == SEND
    pairs = set(zip(trace["source"][sends].tolist(), trace["target"][sends].tolist(), strict=True))
    assert pairs == {(i, i + 1) for i in range(11)} | {(i + 1, i) for i in range(11)}
    assert values_of(events, "bytes_up") == [22 * MODEL_BYTES, 44 * MODEL_BYTES]
    assert values_of(events, "bytes_down") == values_of(events, "bytes_up")
    cost = world.cost_model.cost(trace)
    assert cost.end_s_total == pytest.approx(values_of(events, "time_s")[-1], rel=1e-12)
    assert cost.ledger.totals()["energy_j"] == pytest.approx(values_of(events, "energy_j")[-1], rel=1e-12)


def test_a_server_passes_messages_on_where_devices_do_not_meet(tmp_path: Path) -> None:
    """In a star each model goes up once and down to two neighbors."""
    work = gossip(rounds=1)
    state, events = run(work, context(tmp_path))
    trace = work.trace(state)
    sends = trace["kind"] == SEND
    assert int((sends & (trace["target"] == SERVER)).sum()) == 12
    assert int((sends & (trace["source"] == SERVER)).sum()) == 24
    assert values_of(events, "bytes_down") == [24 * MODEL_BYTES]


def test_exchange_beside_training_saves_time(tmp_path: Path) -> None:
    """Models are sent while others train; the mean of all models is the same in the first round."""
    ends = {}
    for mixing in ("after", "beside"):
        world = context(tmp_path)
        state, events = run(gossip(mixing=mixing, rounds=1), world)
        ends[mixing] = (values_of(events, "time_s")[0], state.tensors["server/weights/fc1.weight"])
        trace = gossip(mixing=mixing).trace(state)
        ups = (trace["kind"] == SEND) & (trace["target"] == SERVER)
        causes = trace["cause"][ups]
        assert (trace["kind"][causes[causes >= 0]] == COMPUTE).all()
        assert (causes >= 0).all() == (mixing == "after")
    assert ends["beside"][0] < ends["after"][0]
    assert ends["beside"][1] == pytest.approx(ends["after"][1], abs=1e-6)


def test_first_round_beside_training_by_hand(tmp_path: Path) -> None:
    """All begin with the same model, so that mixing leaves it and each adds its own update: as without neighbors."""
    beside, _ = run(gossip(mixing="beside", rounds=1), context(tmp_path))
    alone, _ = run(gossip({"kind": "network"}, rounds=1, sampler={"kind": "uniform", "num_clients": 1}),
                   context(tmp_path, network=RING))  # fmt: skip
    (device,) = alone.clients
    for name, array in alone.clients[device].items():
        assert beside.clients[device][name] == pytest.approx(array, abs=1e-6), name


@pytest.mark.slow
@pytest.mark.parametrize("mixing", ["after", "beside"])
def test_resumes_exactly_in_every_phase(mixing: str, tmp_path: Path) -> None:
    work = gossip(mixing=mixing, local={"path": "per_client", "epochs": 1, "batch_size": 32}, rounds=2)
    assert_resumes_alike(work, lambda: context(tmp_path))


def test_the_estimate_has_the_same_messages(tmp_path: Path) -> None:
    work, world = gossip(rounds=2), context(tmp_path)
    expected = world.cost_model.cost(work.expected_trace(context(tmp_path))).ledger.totals()
    state, _ = run(work, world)
    real = work.ledger(state).totals()
    for name in ("bytes_up", "bytes_down"):
        assert expected[name] == real[name]
    assert expected["time_s"] == pytest.approx(real["time_s"], rel=0.01)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"graph": {"kind": "network"}}, "coordination.graph.kind"),
        ({"graph": {"kind": "random_regular", "degree": 12}}, "coordination.graph.degree"),
        ({"strategy": {"kind": "fedadam"}}, "coordination"),
        ({"strategy": {"kind": "scaffold"}}, "coordination"),
        ({"scheduler": {"kind": "deadline"}}, "coordination"),
        ({"scheduler": {"kind": "buffered"}}, "coordination"),
        ({"aggregator": {"kind": "median"}}, "coordination"),
        ({"encoding": {"up": {"kind": "qsgd"}}}, "coordination"),
    ],
)
def test_what_does_not_go_with_it(changes: dict[str, Any], path: str, tmp_path: Path) -> None:
    problems = gossip(**changes).check(context(tmp_path))
    assert path in {problem.path for problem in problems}


def test_too_many_models_are_refused(tmp_path: Path) -> None:
    work = gossip(model={"kind": "mlp", "hidden": [8000, 8000]}, sampler={"kind": "uniform", "num_clients": 10})
    fleet = {"groups": [{"name": "servers", "device": "rpi_4b_4gb", "count": 40}]}
    assert "models_too_large" in {problem.code for problem in work.check(context(tmp_path, fleet=fleet))}


def test_devices_that_are_away_miss_rounds(tmp_path: Path) -> None:
    """Who is there when a round begins gossips with the others; batteries and clocks may keep some away."""
    availability = {"kind": "markov", "mean_up": 2.0, "mean_down": 2.0, "clock": "time"}
    fleet = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 12, "availability": availability,
                         "battery": {"capacity_j": 12, "harvest_w": 2}}]}  # fmt: skip
    _, events = run(gossip(rounds=4), context(tmp_path, fleet=fleet))
    cohorts = [event.body for event in events if event.kind == "cohort"]
    assert len({len(body["clients"]) for body in cohorts}) > 1
    assert {entry["reason"] for body in cohorts for entry in body["dropped"]} <= {"battery ran empty"}
    assert all(len(body["clients"]) + len(body["dropped"]) + body["num_absent"] == 12 for body in cohorts)
