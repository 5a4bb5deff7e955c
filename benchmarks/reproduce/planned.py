"""Plans of networks that nobody trains here: the cost model needs their shapes alone."""

from pathlib import Path

from benchmarks.reproduce.networks import Contender, figures_of
from engine.inference.placer import placement_of
from engine.inference.plans.plan import Plan
from engine.inference.plans.planning import CHOSEN, TEACHER
from engine.inference.splitters.channel import ChannelSplitter
from engine.inference.splitters.nonn import NonnSplitter
from engine.inference.task import Inference
from engine.inference.telling import told_plan
from engine.inference.world import world_of
from engine.models.zoo.wide_resnet import WideResnet
from engine.specs.context import make_context
from engine.specs.text import parse

COMPRESSED = WideResnet(depth=28, width=1)
"""One network about as large as both published students: 369,498 parameters."""


def published_plans(path: Path) -> tuple[Contender, Contender, Contender]:
    """What one inference asks of the students of a spec, of their teacher on one board, and of a compressed network
    whose layers are all cut over the students' boards.
    """
    spec = parse(path.read_bytes())
    task = spec.task
    assert isinstance(task, Inference), "the spec is of distributed inference"
    assert isinstance(task.splitter, NonnSplitter), "the spec has students"
    planning = world_of(task, make_context(spec, 0)).planning
    pieces = ChannelSplitter(num_slices=task.splitter.num_students).split(COMPRESSED.declare(task.dataset.sample()))
    at = planning.placements[CHOSEN].at
    places = [at[int(piece.name.rsplit(" ", 1)[1])] for piece in pieces.pieces]
    problem = planning.problem_of(pieces)
    split = planning.plan(problem, placement_of(problem, places, "a slice for each board"), "split")
    students = Contender.of(figures_of(told_plan(planning, CHOSEN)))
    return students, _contender(planning.plans[TEACHER]), _contender(split)


def _contender(plan: Plan) -> Contender:
    shares = plan.devices
    return Contender.of(
        {
            "peak_memory_bytes": max(share.memory_bytes for share in shares),
            "most_energy_j": max(share.energy_j + share.waiting_j for share in shares),
            "latency_s": plan.latency_s,
            "num_devices": len(shares),
        }
    )
