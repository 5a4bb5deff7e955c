"""Prices and plans: the planner's sums are what the cost model says of the plan's trace."""

import subprocess
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.core.sample import SampleSpec
from engine.costs.model import CostModel
from engine.costs.trace import COMPUTE, SEND
from engine.fleet.group import FleetSpec
from engine.inference.cuts.pieces import Pieces
from engine.inference.placer import NoPlan, placement_of
from engine.inference.placers.all_cloud import AllCloud
from engine.inference.placers.single_best import SingleBest
from engine.inference.plans.courses import lay
from engine.inference.plans.plan import plan_of
from engine.inference.plans.prices import Prices, is_direct
from engine.inference.plans.problem import PlacementProblem
from engine.inference.splitter import splitters
from engine.models.model import models
from engine.network.spec import NetworkSpec
from tests.engine.costs.worlds import DEVICE, FRAMES, HOST_S
from tests.engine.inference.instances import placer_of

PICTURE = SampleSpec(kind="image", shape=(3, 16, 16), num_classes=10)
FULL_MESH = {"kind": "mesh", "pattern": "full"}


def world(topology: dict[str, Any], **changes: Any) -> CostModel:
    """Three small devices, and one that is ten times as fast and named cloud."""
    fast = {name: 10 * DEVICE[name] for name in DEVICE if name.endswith("_rate")}
    groups = [
        {"name": "small", "device": DEVICE | changes, "count": 3},
        {"name": "cloud", "device": DEVICE | fast, "count": 1},
    ]
    fleet = FleetSpec.model_validate({"groups": groups}).resolve()
    link = FRAMES | {"up_rate": 1e6, "down_rate": 1e6, "rtt": 0.02}
    spec = {"topology": topology, "links": {"default": link}, "backhaul": None}
    return CostModel(fleet, NetworkSpec.model_validate(spec).resolve(fleet))


def pieces_of(kind: str, splitter: str, **settings: Any) -> Pieces:
    """A network of the zoo in pieces."""
    graph = models[kind]().declare(PICTURE)
    return splitters[splitter].model_validate({"kind": splitter, **settings}).split(graph)


TOPOLOGIES: dict[str, dict[str, Any]] = {
    "star": {"kind": "star"},
    "room": {"kind": "star", "one_room": True},
    "full": FULL_MESH,
    "grid": {"kind": "mesh"},
    "ring": {"kind": "ring"},
    "gateways": {"kind": "hierarchical", "gateways": 2},
}
"""Messages go directly, over the server, or from device to device."""


@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_a_chain_takes_what_its_prices_say(topology: dict[str, Any]) -> None:
    """Every placement of four pieces on three devices, in a star with the server in between."""
    model = world(topology)
    pieces = pieces_of("lenet5", "pipeline")
    problem = PlacementProblem(pieces, Prices.of(model, pieces, nodes=(0, 1, 3)), sink=1)
    rng = np.random.Generator(np.random.PCG64(0))
    for _ in range(12):
        at = tuple(rng.integers(0, 3, len(pieces.pieces)).tolist())
        plan = plan_of(problem, placement_of(problem, at, ""), model)
        score = problem.score(at)
        assert plan.latency_s == pytest.approx(score.latency_s, rel=1e-6)
        assert sum(share.energy_j for share in plan.devices) == pytest.approx(score.energy_j.sum(), rel=1e-4)


def test_prices_by_hand() -> None:
    """A fully connected layer of 768 to 4 on 5e8 MACs a second; 40 bytes in a frame of 65, 10 ms one way.

    A link's rate is that of payload in full frames, here 100 of 125 bytes, so that 1.25 Mbit/s are on the wire.
    """
    model = world(FULL_MESH)
    graph = models["mlp"].model_validate({"hidden": [4]}).declare(PICTURE)
    pieces = splitters["layer"]().split(graph)
    prices = Prices.of(model, pieces)
    first = next(i for i, piece in enumerate(pieces.pieces) if piece.work.macs["linear"])
    seconds = 768 * 4 / 5e8 + pieces.pieces[first].work.macs["other"] / 1e8
    assert prices.compute_s[first] == pytest.approx([seconds] * 3 + [seconds / 10])
    assert prices.compute_j[first] == pytest.approx(prices.compute_s[first] * 5.0)
    assert prices.memory_bytes.tolist() == [1e6] * 4
    assert np.all(np.diagonal(prices.message_s, axis1=1, axis2=2) == 0)
    answer = len(pieces.messages) - 1
    assert pieces.messages[answer].num_bytes == 40
    assert prices.message_s[answer, 0, 1] == pytest.approx(HOST_S + 0.01 + 65 * 8 / 1.25e6, rel=1e-6)
    assert prices.occupied_s[answer, 0, 1] == pytest.approx(39 * 8 / 1.25e6, rel=1e-6)


def test_a_stream_finds_warm_caches() -> None:
    """Where the first pass after a pause goes at half the speed, only the others count for a stream."""
    model = world(FULL_MESH, cold={"linear": 2.5e8})
    graph = models["mlp"].model_validate({"hidden": [4]}).declare(PICTURE)
    prices = Prices.of(model, splitters["layer"]().split(graph))
    longer = prices.compute_s - prices.stream_s
    assert longer[:, 0].sum() == pytest.approx((768 * 4 + 4 * 10) * (1 / 2.5e8 - 1 / 5e8))
    assert longer[:, 3].sum() == pytest.approx(0, abs=1e-15)


def test_a_star_passes_messages_on_at_the_server() -> None:
    model = world({"kind": "star"})
    assert not is_direct(model.network, 0, 1)
    assert is_direct(world(FULL_MESH).network, 0, 1)
    pieces = pieces_of("lenet5", "pipeline")
    problem = PlacementProblem(pieces, Prices.of(model, pieces, nodes=(0, 1)))
    laid = lay(problem, (1,) * len(pieces.pieces), model.network)
    assert sorted(laid.sent) == [0, len(pieces.messages) - 1]
    assert all(len(hops) == 2 for hops in laid.sent.values())
    assert int((laid.trace["kind"] == SEND).sum()) == 4
    assert int((laid.trace["kind"] == COMPUTE).sum()) == len(pieces.pieces)


def test_tiles_compute_at_the_same_time_but_not_on_one_device() -> None:
    model = world(FULL_MESH)
    pieces = pieces_of("lenet5", "spatial", num_tiles=2, fused_layers=2)
    problem = PlacementProblem(pieces, Prices.of(model, pieces))
    tiles = [i for i, piece in enumerate(pieces.pieces) if "tile" in piece.name][:2]
    apart = [0] * len(pieces.pieces)
    apart[tiles[1]] = 1
    alone, divided = (plan_of(problem, placement_of(problem, at, ""), model) for at in ([0] * len(apart), apart))
    assert alone.stages[tiles[1]].start_s >= alone.stages[tiles[0]].end_s
    assert divided.stages[tiles[0]].start_s == 0
    assert divided.stages[tiles[1]].device == 1
    assert {(m.source, m.target) for m in divided.messages} == {(0, 1), (1, 0)}


@pytest.mark.parametrize("splitter", ["layer", "pipeline", "spatial", "channel"])
def test_the_trivial_plans_stand_beside(splitter: str) -> None:
    """Whatever is chosen is no worse by its prices than the best single device."""
    model = world({"kind": "star"})
    pieces = pieces_of("resnet8", splitter)
    problem = PlacementProblem(pieces, Prices.of(model, pieces), cloud=3)
    placed = [placer.place(problem) for placer in (placer_of("greedy", tries=300), SingleBest(), AllCloud())]
    plans = [plan_of(problem, one, model, availability={0: 0.9, 3: 0.5}) for one in placed]
    chosen, single, cloud = plans
    assert problem.score(tuple(chosen.at)).latency_s <= problem.score(tuple(single.at)).latency_s
    assert set(cloud.at) == {3}
    assert cloud.survival == pytest.approx(0.45)
    assert cloud.messages[0].num_bytes == 3 * 16 * 16 * 4 if splitter != "spatial" else cloud.messages
    for plan in plans:
        text = plan.as_json()
        assert len(text["stages"]) == len(pieces.pieces)  # type: ignore[arg-type]
        assert all(share.memory_bytes <= share.memory_available for share in plan.devices)
        assert plan.energy_j >= sum(share.energy_j for share in plan.devices)


@pytest.mark.slow
def test_registries_load_nothing_heavy() -> None:
    """A web process reads them, and it never loads torch; solvers and graphs are imported where they are used."""
    program = (
        "import sys; from engine.inference.splitter import splitters; from engine.inference.placer import placers;"
        "splitters.members(); placers.members(); import engine.inference.plans.plan, engine.inference.cuts.narrowing;"
        "print([name for name in ('torch', 'scipy', 'networkx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ends_must_take_part() -> None:
    model, pieces = world({"kind": "star"}), pieces_of("lenet5", "pipeline")
    prices = Prices.of(model, pieces, nodes=(0, 1))
    with pytest.raises(EngineError, match="source, sink and cloud must be among the 2 nodes"):
        PlacementProblem(pieces, prices, cloud=3)
    with pytest.raises(EngineError, match="the prices are those of other pieces"):
        PlacementProblem(pieces_of("mlp", "layer"), prices)


@pytest.mark.slow
def test_what_no_device_holds_alone_is_divided() -> None:
    """Two thirds of the network's memory on each device: no single one can, a pipeline can."""
    pieces = pieces_of("lenet5", "pipeline")
    most = sum(piece.parameter_bytes for piece in pieces.pieces)
    model = world(FULL_MESH, ram_bytes=0.9 * most)
    problem = PlacementProblem(pieces, Prices.of(model, pieces, nodes=(0, 1, 2)))
    with pytest.raises(NoPlan, match="no device can do it alone"):
        SingleBest().place(problem)
    found = placer_of("pipeline_dp").place(problem)
    assert len(set(found.at)) > 1
    best = min(
        problem.score(at).latency_s
        for at in product(range(3), repeat=len(pieces.pieces))
        if not problem.violations(problem.score(at))
    )
    assert found.score.latency_s >= best * (1 - 1e-6)
