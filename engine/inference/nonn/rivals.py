"""What stands beside a network of students, trained in the same run on the same budget; NumPy only."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.component import Component
from engine.core.registry import kind_of
from engine.inference.cuts.narrowing import narrowed
from engine.inference.cuts.pieces import Pieces
from engine.inference.nonn.settings import TransferSettings
from engine.inference.nonn.sizes import of_size
from engine.inference.nonn.students import StudentNetwork
from engine.inference.partition import Partition, partitions
from engine.inference.placer import NoPlan, Placement, placement_of
from engine.inference.placers.single_best import SingleBest
from engine.inference.plans.planning import CHOSEN, Planning
from engine.inference.plans.problem import PlacementProblem
from engine.inference.splitters.channel import ChannelSplitter
from engine.inference.splitters.ensemble import EnsembleSplitter
from engine.inference.splitters.layer import LayerSplitter
from engine.inference.splitters.nonn import NonnSplitter
from engine.models.graph import Graph

if TYPE_CHECKING:
    from engine.inference.world import World


class RivalSettings(Component):
    """What stands beside a network of students: each is trained as they are, with as many steps, on the same
    samples.
    """

    source: ClassVar[str] = (
        "Bhardwaj et al., NoNN, arXiv 1907.11804, section 5 (one compressed student, and it split layer by layer); "
        "docs/reference/inference.md"
    )

    distilled: bool = False
    """One student with about as many parameters as all students together, distilled from the teacher: on the best
    single device, and cut into equal slices of channels over the devices of the students."""

    ensemble: bool = False
    """As many whole small networks as there are students, each distilled from the teacher; their answers are averaged.
    Each member takes as many steps as all students together do."""

    divisions: tuple[Annotated[Partition, partitions.field()], ...] = Field(default=(), max_length=6)
    """Other divisions of the filters, each with students of its own."""


Kind = Literal["distilled", "ensemble", "partition"]


@dataclass(frozen=True)
class Rival:
    """Something that is trained beside the students.

    Attributes:
        name: of its row in the comparison.
        title: as people read it.
        kind: what it is.
        number: of its piece of state among the rivals.
        splitter: with its partition, for other divisions of the filters.
    """

    name: str
    title: str
    kind: Kind
    number: int
    splitter: NonnSplitter

    @property
    def is_divided(self) -> bool:
        """Whether it has students that divide filters."""
        return self.kind == "partition"

    @property
    def transfer(self) -> TransferSettings:
        """What it learns: as the students, but without filters where it has none of its own."""
        if self.is_divided:
            return self.splitter.transfer
        return self.splitter.transfer.model_copy(update={"transfer_weight": 0.0, "failout": 0.0})

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Name and title of each of its rows."""
        whole = (self.name, self.title)
        if self.kind == "distilled" and self.splitter.num_students > 1:
            return whole, (f"{self.name}_split", f"{self.title}, cut by channels")
        return (whole,)

    @property
    def members(self) -> EnsembleSplitter:
        """The ensemble of the same small networks."""
        return EnsembleSplitter(num_members=self.splitter.num_students, members=self.splitter.students)


def rivals_of(world: "World") -> tuple[Rival, ...]:
    """What a task has beside its students; nothing if it has no students."""
    splitter, wanted = world.task.splitter, world.task.baselines
    if not isinstance(splitter, NonnSplitter):
        return ()
    return tuple(_rivals(splitter, wanted))


def _rivals(splitter: NonnSplitter, wanted: RivalSettings) -> Iterator[Rival]:
    if wanted.distilled:
        yield Rival("distilled", "One student of the same size", "distilled", 0, splitter)
    if wanted.ensemble:
        yield Rival("ensemble", "Ensemble of small networks", "ensemble", 1, splitter)
    seen: dict[str, int] = {}
    for number, partition in enumerate(wanted.divisions):
        kind = kind_of(type(partition))
        if getattr(partition, "assignment", "balanced") == "authors":
            kind += "_authors"
        seen[kind] = seen.get(kind, 0) + 1
        name = kind if seen[kind] == 1 else f"{kind}_{seen[kind]}"
        title = f"Students of the partition {name.replace('_', ' ')}"
        yield Rival(
            f"partition_{name}",
            title,
            "partition",
            2 + number,
            splitter.model_copy(update={"partition": partition}),
        )


def rival_network(world: "World", rival: Rival, sizes: Sequence[int]) -> StudentNetwork | Graph:
    """The network of a rival.

    Args:
        world: of the run.
        rival: which one.
        sizes: number of filters of each of its students, for another division; those that are expected if left out.
    """
    sample = world.task.dataset.sample()
    match rival.kind:
        case "ensemble":
            return rival.members.network(sample)
        case "partition":
            return rival.splitter.network(sample, sizes or rival.splitter.sizes(world.graph))
        case _:
            size = world.expected_network.num_parameters
            return of_size(rival.splitter.students[0], sample, size).declare(sample)


def graph_of(network: StudentNetwork | Graph) -> Graph:
    """The whole network."""
    return network.graph if isinstance(network, StudentNetwork) else network


def rival_placements(
    world: "World", rival: Rival, network: StudentNetwork | Graph, planning: Planning
) -> Iterator[tuple[str, str, Pieces, Placement | None]]:
    """Name, title, pieces and placement of each row of a rival; None where it fits nowhere.

    Args:
        world: of the run.
        rival: which one.
        network: its network.
        planning: of the students.
    """
    if isinstance(network, StudentNetwork):
        pieces = narrowed(network.pieces(), rival.splitter.message_bits)
        yield *rival.rows[0], pieces, _placed(world.task.placer.place, planning, pieces)
        return
    whole = LayerSplitter().split(network)
    yield *rival.rows[0], whole, _placed(SingleBest().place, planning, whole)
    for name, title in rival.rows[1:]:
        sliced = ChannelSplitter(num_slices=rival.splitter.num_students).split(network)
        at = planning.placements[CHOSEN].at
        places = [at[int(piece.name.rsplit(" ", 1)[1])] for piece in sliced.pieces]
        problem = planning.problem_of(sliced)
        placement = placement_of(problem, places, "a slice per student's device")
        if broken := problem.violations(placement.score):
            placement = replace(placement, explanation=f"cannot run: {'; '.join(broken)}")
        yield name, title, sliced, placement


def _placed(place: Callable[[PlacementProblem], Placement], planning: Planning, pieces: Pieces) -> Placement | None:
    try:
        return place(planning.problem_of(pieces))
    except NoPlan:
        return None
