"""What a process keeps of a data-free deployment: data, networks and modules, made anew from spec, seed and state."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from engine.core.streams import seed_of
from engine.data.dataset import Dataset, Split
from engine.data.pixels import Pixels
from engine.datafree.distiller import initial_adapters
from engine.datafree.metadata import CollectedMetadata
from engine.datafree.owner.stored_metadata import handed_out
from engine.datafree.pieces import PIECES, piece_of
from engine.datafree.settings import TeacherTraining
from engine.datafree.synthesizer import Synthesizer
from engine.datafree.teachers.train import TrainedTeacher
from engine.models.graph import Graph
from engine.models.graph_json import from_json
from engine.models.profile import Profile, profile
from engine.models.weights import initial
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.datafree.images.views import SynthesisView, TeacherView
    from engine.datafree.owner.metadata_file import MetadataFile
    from engine.datafree.rounding.quantized import Quantized
    from engine.datafree.task import Datafree
    from engine.models.build import GraphModule
    from engine.training.supervised import Trainer

T = TypeVar("T")


def world_of(task: "Datafree", context: Context) -> "World":
    """The world of a run, kept by the process."""
    if "datafree" not in context.cache:
        context.cache["datafree"] = World(task, context)
    world: World = context.cache["datafree"]
    return world


class World:
    """What a process keeps of a run; nothing in it is changed by a step but memory that can be made anew.

    Args:
        task: the task.
        context: the world that it runs in.
    """

    def __init__(self, task: "Datafree", context: Context) -> None:
        self.task, self.context = task, context
        self._modules: dict[str, tuple[GraphModule, Mapping[str, np.ndarray] | None]] = {}
        self._trainers: dict[str, Trainer] = {}
        self.memory: dict[str, Any] = {}
        self._profiles: dict[str, Profile] = {}
        self._teacher: tuple[Mapping[str, np.ndarray], TeacherView] | None = None

    @cached_property
    def teacher_graph(self) -> Graph:
        """The teacher's network."""
        return self.task.teacher.graph(self.task.dataset.sample(), self.context.artifacts)

    @cached_property
    def student_graph(self) -> Graph:
        """The student's network; the teacher's where there is none."""
        return (
            self.teacher_graph if self.task.student is None else self.task.student.declare(self.task.dataset.sample())
        )

    def graph(self, contender: str, state: State | None = None) -> Graph:
        """A contender's network; of those that are made in the run, from the state."""
        graphs: Any = {} if state is None else state.values["graphs"]
        if contender in graphs:
            return from_json(graphs[contender])
        return self.teacher_graph if contender == "teacher" else self.student_graph

    def profile(self, contender: str) -> Profile:
        """What a contender's network costs, of those that are known before the run."""
        if contender not in self._profiles:
            self._profiles[contender] = profile(self.graph(contender))
        return self._profiles[contender]

    @property
    def student_profile(self) -> Profile | None:
        """What the student costs; None if there is none."""
        return None if self.task.student is None else self.profile("student")

    @property
    def pixels(self) -> Pixels:
        """The constants by which the private images are standardized."""
        found = self.task.dataset.pixels()
        assert found is not None, "the check admits images only"
        return found

    @property
    def is_interleaved(self) -> bool:
        """Whether images are made with the student as it is at that time."""
        return self.task.synthesizer is not None and self.task.synthesizer.is_interleaved

    @property
    def synthesizer(self) -> Synthesizer:
        """What makes the images; for a task that has one."""
        assert self.task.synthesizer is not None, "jobs that make images exist only with a synthesizer"
        return self.task.synthesizer

    @cached_property
    def first_student(self) -> dict[str, np.ndarray]:
        """The student's weights before its first step."""
        return self.initial("student")

    @property
    def teacher_training(self) -> TeacherTraining:
        """How the teacher is trained; for a teacher that is trained in the run."""
        assert isinstance(self.task.teacher, TrainedTeacher), "only such a teacher is trained"
        return self.task.teacher.training

    @property
    def base(self) -> str:
        """Name of the contender that is pruned, quantized and deployed."""
        return "teacher" if self.task.student is None else "student"

    @property
    def num_batches(self) -> int:
        """Batches of images that are made."""
        return 0 if self.task.synthesizer is None else self.task.synthesizer.num_batches(self.task.num_images)

    def expected_graph(self, contender: str) -> Graph:
        """A contender's network as it is expected to be, from the declaration alone: checks ask for it again and again,
        and which channels a pruner takes is known only with weights.
        """
        if contender not in ("pruned", "quantized"):
            return self.graph(contender)
        graph = self.graph(self.base)
        return graph if self.task.pruner is None else self.task.pruner.expected(graph)

    @cached_property
    def train(self) -> Split:
        """The private samples."""
        return self.task.dataset.load(self.context.store, "train")

    @cached_property
    def test(self) -> Split:
        """The samples on which contenders are measured."""
        return self.task.dataset.load(self.context.store, "test")

    def pool(self, dataset: Dataset) -> np.ndarray:
        """Standardized training images of another set."""
        return dataset.load(self.context.store, "train").x

    def initial(self, contender: str) -> dict[str, np.ndarray]:
        """First weights: the same for all contenders of the student's architecture."""
        role = "teacher" if contender == "teacher" else "student"
        return initial(self.graph(contender), seed_of(self.context.seed, role))

    def initial_adapters(self, contender: str) -> dict[str, np.ndarray]:
        """First values of the distiller's own tensors; none for those who learn from labels."""
        if contender in ("teacher", "oracle"):
            return {}
        return initial_adapters(self.task.distiller, self.student_graph, self.teacher_graph, self.context.seed)

    def weights(self, state: State, contender: str) -> Mapping[str, np.ndarray]:
        """A finished contender's weights."""
        return state.clients[piece_of(contender)]

    def quantized(self, state: State) -> "Quantized":
        """The quantized model."""
        from engine.datafree.rounding.quantized_state import from_arrays

        return from_arrays(self.graph("quantized", state), self.weights(state, "quantized"))

    def teacher(self, state: State) -> "TeacherView":
        """The teacher as synthesizers and metadata see it."""
        from engine.datafree.images.views import TeacherView

        weights = self.weights(state, "teacher")
        if self._teacher is None or self._teacher[0] is not weights:
            self._teacher = weights, TeacherView(self.teacher_graph, weights, self.pixels)
        return self._teacher[1]

    @cached_property
    def metadata_method(self) -> CollectedMetadata:
        """How metadata is collected, or was."""
        return self.task.metadata.method(self.context.artifacts)

    def metadata(self, state: State) -> "MetadataFile | None":
        """What the owner handed out; None if nothing."""
        return handed_out(self.task, state, self.teacher(state).sha256)

    def synthesis_view(self, state: State, batch: int, student: "GraphModule | None") -> "SynthesisView":
        """What a synthesizer sees of the run."""
        from engine.datafree.images.views import SynthesisView

        return SynthesisView(
            teacher=self.teacher(state), student=student, metadata=self.metadata(state),
            sample=self.task.dataset.sample(), pool=self.pool, seed=self.context.seed, batch=batch,
        )  # fmt: skip

    def trainer(self, contender: str) -> "Trainer":
        """What trains a contender."""
        from engine.training.supervised import Trainer

        key = contender if contender in ("teacher", "oracle") else "student"
        if key not in self._trainers:
            extra: dict[str, tuple[int, ...]] = {}
            if key == "student":
                found = self.task.distiller.adapters(self.student_graph, self.teacher_graph)
                extra = {weight.name: weight.shape for weight in found}
            self._trainers.clear()  # one model is trained at a time, and each holds three copies of its weights
            self._trainers[key] = Trainer(self.graph(contender), extra)
        return self._trainers[key]

    def remembered(self, name: str, state: State, make: Callable[[], T]) -> T:
        """Something made of what a state holds in pieces, kept until any of these changes.

        Args:
            name: under which the process keeps it; one thing is kept at a time for each name.
            state: the state.
            make: makes it anew.
        """
        pieces = [state.clients.get(number) for number in PIECES.values()]
        kept = self.memory.get(name)
        if kept is None or any(left is not right for left, right in zip(kept[0], pieces, strict=True)):
            kept = self.memory[name] = pieces, make()
        found: T = kept[1]
        return found

    def module(self, name: str, graph: Graph, weights: Mapping[str, np.ndarray]) -> "GraphModule":
        """A network that is only looked at: in evaluation mode, without gradients of its weights.

        Args:
            name: under which the process keeps it.
            graph: its declaration.
            weights: what is loaded into it, unless it holds these very arrays.
        """
        from engine.training.arrays import as_tensors, load
        from engine.training.rewrite import pool_before_relu
        from engine.training.supervised import quick_module

        module, held = self._modules.get(name, (None, None))
        if module is None or module.graph != pool_before_relu(graph):
            module, held = quick_module(graph), None
            module.eval().requires_grad_(False)
        if held is None or any(held.get(key) is not array for key, array in weights.items()):
            load(module, as_tensors(weights))
        self._modules[name] = module, dict(weights)
        return module
