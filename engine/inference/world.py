"""What a process keeps of a distributed inference: plans, data and modules, made anew from spec, seed and state."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.errors import EngineError
from engine.core.streams import seed_of
from engine.data.dataset import Split
from engine.datafree.settings import TeacherTraining
from engine.datafree.teachers.train import TrainedTeacher
from engine.inference.cuts.narrowing import narrowed
from engine.inference.cuts.pieces import Pieces
from engine.inference.cuts.sharing import SharingSplitter, shared_by_speed
from engine.inference.nonn.students import StudentNetwork
from engine.inference.plans.planning import Planning
from engine.inference.splitters.early_exit import EarlyExitSplitter
from engine.inference.splitters.ensemble import EnsembleSplitter
from engine.inference.splitters.nonn import NonnSplitter
from engine.models.graph import Graph
from engine.models.profile import Profile, profile
from engine.models.weights import initial
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.inference.task import Inference
    from engine.models.build import GraphModule
    from engine.training.supervised import Trainer

TEACHER, STUDENTS, MEMBERS, RIVALS, OUTPUTS = 0, 1, 10, 20, 100
"""Numbers of the pieces of state with the trained network's weights, with those of all students together (or of the
network with further layers), with the first of an ensemble's members, with the first of what is trained beside the
students, and with the first part of the teacher's outputs."""


def world_of(task: "Inference", context: Context) -> "World":
    """The world of a run, kept by the process."""
    if "inference" not in context.cache:
        context.cache["inference"] = World(task, context)
    world: World = context.cache["inference"]
    return world


def students_of(task: "Inference", sizes: Sequence[int]) -> StudentNetwork:
    """The students of a splitter that has some.

    Args:
        task: with the splitter.
        sizes: number of filters of each; none for members of an ensemble.
    """
    match task.splitter:
        case NonnSplitter() as splitter:
            return splitter.network(task.dataset.sample(), sizes)
        case EnsembleSplitter() as splitter:
            return splitter.network(task.dataset.sample())
        case _:
            raise EngineError("only networks of students have students")


class World:
    """What a process keeps of a run; nothing in it is changed by a step but memory that can be made anew.

    Args:
        task: the task.
        context: the world that it runs in.
    """

    def __init__(self, task: "Inference", context: Context) -> None:
        self.task, self.context = task, context
        self.memory: dict[str, Any] = {}
        self._modules: dict[int, tuple[Mapping[str, np.ndarray], GraphModule]] = {}
        self._plannings: dict[tuple[tuple[int, ...], tuple[float, ...]], Planning] = {}

    @cached_property
    def graph(self) -> Graph:
        """The network."""
        return self.task.teacher.graph(self.task.dataset.sample(), self.context.artifacts)

    @cached_property
    def profile(self) -> Profile:
        """What the whole network costs."""
        return profile(self.graph)

    @property
    def planning(self) -> Planning:
        """The plans as they are expected to be: before it is known which filters each student learns, and
        where requests leave a network with exits.
        """
        return self._planning((), ())

    def planning_in(self, state: State) -> Planning:
        """The plans of the pieces as they are."""
        groups: Any = state.values["groups"]
        rates: Any = state.values["exit_rates"]
        return self._planning(tuple(map(len, groups)), tuple(rates))

    def students(self, sizes: Sequence[int]) -> StudentNetwork:
        """The students; see :func:`students_of`."""
        return students_of(self.task, sizes or self._expected_sizes())

    def _expected_sizes(self) -> Sequence[int]:
        """How many filters each student is expected to learn; none for members of an ensemble."""
        return self.task.splitter.sizes(self.graph) if isinstance(self.task.splitter, NonnSplitter) else ()

    def _planning(self, sizes: tuple[int, ...], rates: tuple[float, ...]) -> Planning:
        key = sizes, rates
        if key not in self._plannings:
            self._plannings[key] = Planning(self.task, self.context, self.graph, self._pieces(sizes, rates))
        return self._plannings[key]

    def _pieces(self, sizes: Sequence[int], rates: Sequence[float]) -> Pieces:
        return narrowed(self._pieces_of_floats(sizes, rates), self.task.splitter.message_bits)

    def _pieces_of_floats(self, sizes: Sequence[int], rates: Sequence[float]) -> Pieces:
        match self.task.splitter:
            case EarlyExitSplitter() as splitter:
                return splitter.parts(self.graph, rates or splitter.assumed_rates)
            case NonnSplitter() | EnsembleSplitter():
                return self.students(sizes).pieces()
            case SharingSplitter(by_speed=True) as splitter:
                planning = Planning(self.task, self.context, self.graph, splitter.split(self.graph))
                planning.refuse_long()
                return shared_by_speed(splitter, self.graph, planning.problem_of, planning.place)
            case splitter:
                return splitter.split(self.graph)

    def network(self, state: State) -> Graph:
        """The network whose pieces answer: the trained one, with exits if it has some, or all students together."""
        groups: Any = state.values["groups"]
        return self._network(tuple(map(len, groups)))

    @property
    def expected_network(self) -> Graph:
        """The same as it is expected to be before it is known which filters each student learns."""
        return self._network(())

    def _network(self, sizes: Sequence[int]) -> Graph:
        match self.task.splitter:
            case NonnSplitter() | EnsembleSplitter():
                return self.students(sizes).graph
            case splitter:
                return splitter.extended(self.graph)

    @cached_property
    def train(self) -> Split:
        """The samples that the network is trained on."""
        return self.task.dataset.load(self.context.store, "train")

    @cached_property
    def test(self) -> Split:
        """The samples on which it is measured."""
        return self.task.dataset.load(self.context.store, "test")

    @property
    def training(self) -> TeacherTraining:
        """How the network is trained; for one that is trained in the run."""
        assert isinstance(self.task.teacher, TrainedTeacher), "only such a network is trained"
        return self.task.teacher.training

    @property
    def num_steps(self) -> int:
        """Steps of the training of a network that is trained in the run; 0 for others."""
        if not isinstance(self.task.teacher, TrainedTeacher):
            return 0
        count = self.task.dataset.num_samples("train")
        return self.training.epochs * (count // min(self.training.batch_size, count))

    def initial(self) -> dict[str, np.ndarray]:
        """First weights."""
        return initial(self.graph, seed_of(self.context.seed, "teacher"))

    def trainer(self, name: str, graph: Graph) -> "Trainer":
        """What trains a network; one is kept at a time, as each holds three copies of its weights.

        Args:
            name: of what is trained.
            graph: its network.
        """
        from engine.training.supervised import Trainer

        kept = self.memory.get("trainer")
        if kept is None or kept[0] != name:
            kept = self.memory["trainer"] = name, Trainer(graph)
        found: Trainer = kept[1]
        return found

    def module(self, state: State, piece: int) -> "GraphModule":
        """The trained network, or what was made of it, in evaluation mode, without gradients of its weights.

        Args:
            state: with its weights.
            piece: ``TEACHER`` or ``STUDENTS``.
        """
        from engine.models.build import build
        from engine.training.arrays import as_tensors, load

        weights = state.clients[piece]
        if piece not in self._modules or self._modules[piece][0] is not weights:
            module = build(self.graph if piece == TEACHER else self.network(state))
            load(module, as_tensors(weights))
            self._modules[piece] = weights, module.eval().requires_grad_(False)
        return self._modules[piece][1]

    @property
    def answering(self) -> int:
        """The piece of state with the weights of the network that answers."""
        return STUDENTS if self.task.splitter.needs_training else TEACHER
