"""Metadata in a file that an owner handed out before: where a third party begins who has the teacher and this file."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from engine.core.errors import DataUnavailable, EngineError, Problem
from engine.core.sample import SampleSpec
from engine.datafree.metadata import CollectedMetadata, Metadata, Subject
from engine.datafree.owner.metadata_file import (
    Head,
    MetadataError,
    MetadataFile,
    read_head,
    settings_of,
    unpack,
    wrong_arrays,
)
from engine.datafree.pieces import PIECES
from engine.datafree.stored_weights import digest_in
from engine.models.graph import Graph
from engine.task.context import ArtifactResolver
from engine.task.state import State

if TYPE_CHECKING:
    from engine.datafree.task import Datafree

TOLD = "metadata"
"""Entry of a state's values that says how metadata from a file was collected; the file is not asked again."""


class StoredMetadata(Metadata):
    """Metadata that an owner handed out before. It belongs to the very weights that it was collected with."""

    place: ClassVar[str]
    """The field that names the file."""

    @abstractmethod
    def path_in(self, artifacts: ArtifactResolver) -> Path:
        """The file.

        Raises:
            DataUnavailable: it is not there.
        """

    @override
    def method(self, artifacts: ArtifactResolver) -> CollectedMetadata:
        return read_head(self.path_in(artifacts)).settings

    @override
    def problems(self, subject: Subject) -> list[Problem]:
        """Everything that does not fit, in one message; reads the teacher's weights, and of the file the header."""
        try:
            head = read_head(self.path_in(subject.artifacts))
            wrong = [*unfit(head, subject.graph), *_of_others(head, subject.weights)]
        except DataUnavailable as error:
            return [Problem(self.place, error.code, f"{error} {error.remedy}".rstrip())]
        except EngineError as error:
            return [Problem(self.place, error.code, str(error))]
        except OSError as error:
            return [Problem(self.place, "data_unavailable", f"the file cannot be read: {error.strerror}")]
        return [Problem(self.place, "does_not_fit", "; ".join(wrong))] if wrong else []

    def read(self, artifacts: ArtifactResolver, graph: Graph, teacher: str) -> MetadataFile:
        """The file, which fits that teacher.

        Args:
            artifacts: finds files by their hash.
            graph: the teacher's network.
            teacher: digest of its weights.

        Raises:
            MetadataError: all that does not fit.
        """
        file = unpack(self.path_in(artifacts).read_bytes())
        wrong = unfit(file, graph) or _odd(file)
        if file.teacher != teacher:
            wrong.append(_other_weights(file.teacher, teacher))
        if wrong:
            raise MetadataError(f"The metadata cannot be used: {'; '.join(wrong)}.")
        return file


def unfit(file: Head | MetadataFile, graph: Graph) -> list[str]:
    """Why the metadata is none of such a network."""
    if _text(file.sample) != _text(graph.sample):
        return [f"it is of a model for {_text(file.sample)}; the teacher takes {_text(graph.sample)}"]
    wrong = [problem.message for problem in file.settings.check(graph, file.num_samples)]
    if not wrong and (names := wrong_arrays(file, graph)):
        wrong.append(f"these arrays are not those of such a teacher: {', '.join(names)}")
    return wrong


def handed_out(task: "Datafree", state: State, teacher: str) -> MetadataFile | None:
    """The metadata of a run, collected in it or read from a file; None if there is none.

    Args:
        task: the task.
        state: the run's.
        teacher: digest of the teacher's weights.
    """
    tensors = state.clients.get(PIECES["metadata"])
    if tensors is None:
        return None
    sample, told = task.dataset.sample(), state.values.get(TOLD)
    if isinstance(told, dict):
        return MetadataFile(settings_of(told["settings"]), teacher, sample, int(str(told["num_samples"])), tensors)
    assert isinstance(task.metadata, CollectedMetadata), "a file's head is told in the state when it is read"
    return MetadataFile(task.metadata, teacher, sample, task.dataset.num_samples("train"), tensors)


def _of_others(head: Head, weights: Path | None) -> Iterator[str]:
    """Why the metadata is not of these very weights."""
    if weights is None:
        yield (
            "it belongs to the weights that it was collected with, and a teacher that is trained in the run has "
            "others; name the teacher by {kind: artifact, sha256: ...} or {kind: file, path: ...}"
        )
    elif (digest := digest_in(weights)) != head.teacher:
        yield _other_weights(head.teacher, digest)


def _other_weights(wanted: str, given: str) -> str:
    return f"it was collected with the weights {wanted[:16]}, and the teacher has the weights {given[:16]}"


def _odd(file: MetadataFile) -> list[str]:
    """What no collector writes, in a file whose arrays have the right form."""
    spread = file.settings.spread(file.tensors)
    if spread is None:
        return []
    count = file.sample.num_classes
    if (spread.sizes < 0).any() or (spread.deviations < 0).any():
        return ["sizes and deviations are never negative"]
    if set(spread.labels[spread.sizes > 0].tolist()) != set(range(count)):
        return [f"each of the {count} classes has a center, and no other has"]
    return []


def _text(sample: SampleSpec) -> str:
    size = "x".join(map(str, sample.shape))
    return f"{sample.kind} samples of shape {size} in {sample.num_classes} classes"
