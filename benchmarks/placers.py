"""How fast plans are made, and how good they are.

    ./edgeloom bench placers [--quick] [--json [FILE]]

Random problems of a fixed seed: pieces and devices whose times differ by a factor of ten, devices that hold a fifth of
the network on average, links of 10 to 500 ms. Each row is the median time of one plan (all of the placer's work, from
the prices on), the least of the repetitions, the objective against the best value known, and the gap that the placer
tells. A minimum cut is also timed in networkx, whose value must be the same. The last rows ask the cost model for the
prices of a real network on 16 devices, and make a plan of it.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import networkx as nx
import numpy as np

from engine.core.sample import SampleSpec
from engine.costs.model import CostModel
from engine.costs.work import Work
from engine.fleet.group import FleetSpec
from engine.inference.cuts.parts import Part
from engine.inference.cuts.pieces import SINK, SOURCE, Message, Piece, Pieces
from engine.inference.placer import OBJECTIVES, Placement, placers
from engine.inference.plans.cutting import Costs, Cutting
from engine.inference.plans.plan import plan_of
from engine.inference.plans.prices import Prices
from engine.inference.plans.problem import PlacementProblem
from engine.inference.splitter import splitters
from engine.models.model import models
from engine.network.spec import NetworkSpec

GOALS = {"given order, 50 x 10": 0.1, "cut of a graph of 150": 0.01}
"""Seconds within which a plan is to be made."""


def chain(draw: np.random.Generator, count: int) -> Pieces:
    """Pieces that read each other."""
    names = [SOURCE, *(f"p{i}" for i in range(count)), SINK]
    sizes = draw.integers(1_000, 100_000, count + 1).tolist()
    ends = zip(names[:-1], names[1:], sizes, strict=True)
    messages = tuple(Message(Part(source), source, target, size) for source, target, size in ends)
    return Pieces(tuple(piece(draw, f"p{i}") for i in range(count)), messages, exact=True)


def piece(draw: np.random.Generator, name: str) -> Piece:
    """A piece of 10 kB to 1 MB."""
    weights = int(draw.integers(10_000, 1_000_000))
    return Piece(name, Work(), weights, weights + int(draw.integers(1_000, 50_000)), (), ((name, weights),))


def graph(draw: np.random.Generator, count: int) -> Pieces:
    """Pieces with shortcuts, as in residual networks."""
    messages, read = [Message(Part(SOURCE), SOURCE, "p0", 3_000)], set[int]()
    for target in range(1, count):
        sources = {target - 1} | ({target - 3} if target > 2 and draw.random() < 0.5 else set())
        messages += [Message(Part(f"p{s}"), f"p{s}", f"p{target}", 1_000 + 37 * s) for s in sorted(sources)]
        read |= sources
    messages += [Message(Part(f"p{s}"), f"p{s}", SINK, 40) for s in range(count) if s not in read]
    return Pieces(tuple(piece(draw, f"p{i}") for i in range(count)), tuple(messages), exact=True)


def problem(pieces: Pieces, count: int, draw: np.random.Generator, *, share: float = 0.2) -> PlacementProblem:
    """A problem on so many devices, each of which holds that share of the network on average."""
    latency, slope = draw.uniform(0.01, 0.5, (count, count)), draw.uniform(1e-7, 1e-5, (count, count))
    np.fill_diagonal(latency, 0.0)
    np.fill_diagonal(slope, 0.0)
    sizes = np.array([message.num_bytes for message in pieces.messages])[:, None, None]
    compute = draw.uniform(0.01, 0.1, (len(pieces.pieces), count)) * draw.uniform(0.3, 3.0, count)
    prices = Prices(
        nodes=tuple(range(count)),
        compute_s=compute,
        stream_s=compute,
        compute_j=5.0 * compute,
        message_s=latency + sizes * slope,
        occupied_s=sizes * slope,
        sender_j=sizes * slope,
        receiver_j=sizes * slope,
        memory_bytes=share * pieces.parameter_bytes * draw.uniform(0.5, 1.5, count),
        battery_j=np.full(count, np.inf),
    )
    return PlacementProblem(pieces, prices, objective="throughput")


def alike(asked: PlacementProblem) -> PlacementProblem:
    """The same on devices all of which are as the first one, over equal links."""
    prices, count = asked.prices, asked.prices.num_nodes
    ways = {
        name: getattr(prices, name)[:, :1, 1:2] * (1 - np.eye(count))
        for name in ("message_s", "occupied_s", "sender_j", "receiver_j")
    }
    nodes = {
        name: getattr(prices, name)[:, :1].repeat(count, axis=1) for name in ("compute_s", "stream_s", "compute_j")
    }
    memory = np.full(count, prices.memory_bytes.mean())
    return replace(asked, prices=replace(prices, **ways, **nodes, memory_bytes=memory))


def timed(call: Callable[[], Any], repetitions: int) -> tuple[Any, float, float]:
    """What a call gives, its median time and its least."""
    taken, result = [], None
    for _ in range(repetitions):
        start = time.perf_counter()
        result = call()
        taken.append(time.perf_counter() - start)
    return result, median(taken), min(taken)


def row(kind: str, asked: PlacementProblem, repetitions: int, **settings: Any) -> dict[str, Any]:
    """Time and quality of a placer on a problem."""
    placer = placers[kind].model_validate({"kind": kind, **settings})
    found: Placement
    found, seconds, least = timed(lambda: placer.place(asked), repetitions)
    return {"seconds": seconds, "least_s": least, "value": found.value, "gap": found.gap}


def planned(repetitions: int, *, quick: bool) -> dict[str, dict[str, Any]]:
    """Chains over devices, by all placers that divide them."""
    draw = np.random.Generator(np.random.PCG64(0))
    large = problem(chain(draw, 50), 10, draw)
    six = problem(chain(draw, 20), 6, draw, share=0.4)
    wide = problem(chain(draw, 50), 16, draw)
    nodes = 1 if quick else 200
    rows = {
        "given order, 50 x 10": row("pipeline_dp", large, repetitions, order="given"),
        "any order (exact), 50 x 10": row("pipeline_dp", large, 1, exact_devices=10),
        "any order (search), 50 x 10": row("pipeline_dp", large, 1, exact_devices=9),
        "greedy, 50 x 10": row("greedy", large, 1, tries=500),
        "ilp, 50 x 10": row("ilp", large, 1, most_nodes=nodes),
        "any order (search), 50 x 16": row("pipeline_dp", wide, 1),
        "greedy, 50 x 16": row("greedy", wide, 1, tries=500),
        "any order (exact), 20 x 6": row("pipeline_dp", six, repetitions),
        "greedy, 20 x 6": row("greedy", six, 1),
        "ilp, 20 x 6": row("ilp", six, 1, most_nodes=nodes),
        "ilp, 11 x 20 alike": row("ilp", alike(problem(chain(draw, 11), 20, draw, share=0.4)), 1, most_nodes=nodes),
    }
    for objective in () if quick else OBJECTIVES:
        asked = replace(problem(chain(draw, 50), 10, draw, share=0.4), objective=objective)
        for count in (1, 1000):
            rows[f"ilp, 50 x 10, {objective}, {count}"] = row("ilp", asked, 1, most_nodes=count)

    for size in ("50 x 10", "50 x 16", "20 x 6"):
        mine = [name for name in rows if name.endswith(size)]
        best = min(rows[name]["value"] for name in mine)
        for name in mine:
            rows[name]["to_best"] = rows[name]["value"] / best
    return rows


def cut(repetitions: int) -> dict[str, dict[str, Any]]:
    """A graph cut between two nodes, here and in networkx."""
    draw = np.random.Generator(np.random.PCG64(1))
    asked = replace(problem(graph(draw, 150), 2, draw), objective="latency")
    cutting = Cutting(asked, Costs.of(asked, 1))
    peer = nx.DiGraph()
    for (source, target), capacity in cutting.edges.items():
        peer.add_edge(source, target, **({"capacity": capacity} if np.isfinite(capacity) else {}))
    (_, value), seconds, least = timed(lambda: Cutting(asked, Costs.of(asked, 1)).solve(), 5 * repetitions)
    (expected, _), peer_s, peer_least = timed(lambda: nx.minimum_cut(peer, 150, 151), repetitions)
    return {
        "cut of a graph of 150": {"seconds": seconds, "least_s": least, "value": value, "to_best": value / expected},
        "the same in networkx": {"seconds": peer_s, "least_s": peer_least, "value": expected},
    }


def real(repetitions: int) -> dict[str, dict[str, Any]]:
    """Prices of a residual network on 16 devices, and a plan."""
    groups = [{"name": "boards", "count": 8}, {"name": "phones", "count": 8, "device": "phone_mid_sd765g"}]
    fleet = FleetSpec.model_validate({"groups": groups}).resolve()
    network = NetworkSpec.model_validate({"topology": {"kind": "star"}}).resolve(fleet)
    model = CostModel(fleet, network)
    sample = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
    pieces = splitters["pipeline"]().split(models["wide_resnet"]().declare(sample))
    prices, seconds, least = timed(lambda: Prices.of(model, pieces), repetitions)
    asked = PlacementProblem(pieces, prices)
    placement = placers["pipeline_dp"]().place(asked)
    plan, plan_s, plan_least = timed(lambda: plan_of(asked, placement, model), repetitions)
    return {
        "prices, WRN-16-1 x 16": {"seconds": seconds, "least_s": least},
        "plan of it": {"seconds": plan_s, "least_s": plan_least, "value": plan.latency_s, "gap": plan.gap},
    }


def line_of(name: str, found: dict[str, Any]) -> str:
    """One row of the table."""
    texts = [f"{name:<38} {1e3 * found['seconds']:9.1f} ms  (least {1e3 * found['least_s']:.1f})"]
    texts += [f"goal {1e3 * found['goal_s']:g} ms"] if "goal_s" in found else []
    texts += [f"{found['to_best']:.3f} of the best"] if "to_best" in found else []
    texts += [f"gap {found['gap']:.1%}"] if found.get("gap") is not None else []
    return "  ".join(texts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time and quality of plans.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, and one node of integer programs")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the figures to FILE or the output")
    arguments = parser.parse_args()
    repetitions = 3 if arguments.quick else 9
    rows = planned(repetitions, quick=arguments.quick) | cut(repetitions) | real(repetitions)
    for name, goal_s in GOALS.items():
        rows[name]["goal_s"] = goal_s
    if arguments.json != "-":
        sys.stdout.write("".join(line_of(name, found) + "\n" for name, found in rows.items()))
    text = json.dumps(rows, indent=2) + "\n"
    if arguments.json == "-":
        sys.stdout.write(text)
    elif arguments.json:
        Path(arguments.json).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
