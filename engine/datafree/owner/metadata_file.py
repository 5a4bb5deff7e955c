"""The file that stands for private data: a safetensors file with a versioned header, read without running code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from engine.core.errors import EngineError
from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.datafree.metadata import CollectedMetadata, Layout, metadata
from engine.models.graph import Graph
from engine.models.model_file import MalformedModel, read_header

FORMAT = "edgeloom-metadata"
VERSION = 1

COUNT_WIDTH = 12
"""Characters of the number of samples in the header, so that the size of a file is known before it is made."""

_KEY = "edgeloom"
"""The one entry of the safetensors header; several would be written in an order that changes from file to file."""


_TYPES: Mapping[str, type[np.generic]] = {"F32": np.float32, "I32": np.int32}
"""Types of arrays as the header of a safetensors file names them."""


class MetadataError(EngineError):
    """A file of metadata is damaged, of another version, or not what its header says."""

    code = "invalid_metadata"


@dataclass(frozen=True)
class MetadataFile:
    """Metadata as it is handed out.

    Attributes:
        settings: the member that collected it, with its parameters.
        teacher: SHA-256 of the weights that it was collected with, hex.
        sample: shape and meaning of the teacher's input.
        num_samples: private samples that the owner had when collecting.
        tensors: the arrays by name.
    """

    settings: CollectedMetadata
    teacher: str
    sample: SampleSpec
    num_samples: int
    tensors: Mapping[str, np.ndarray]

    @property
    def arrays(self) -> Layout:
        """Shapes and types of its arrays."""
        return {name: (array.shape, array.dtype.type) for name, array in self.tensors.items()}

    @property
    def kind(self) -> str:
        """Kind of the metadata."""
        return kind_of(type(self.settings))

    @property
    def epsilon(self) -> float | None:
        """Epsilon of the release; None without a formal guarantee."""
        return self.settings.epsilon()


@dataclass(frozen=True)
class Head:
    """What the header of a metadata file says: as :class:`MetadataFile`, with shapes and types of the arrays alone."""

    settings: CollectedMetadata
    teacher: str
    sample: SampleSpec
    num_samples: int
    arrays: Layout


def pack(file: MetadataFile) -> bytes:
    """The file's bytes; equal files have equal bytes."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in file.tensors.items()}
    return save(arrays, metadata={_KEY: _header(file)})


def unpack(content: bytes) -> MetadataFile:
    """The metadata of a file.

    Raises:
        MetadataError: it is no such file, of another version, or its arrays are not those that its header promises.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    size = int.from_bytes(content[:8], "little")
    head = _head(_json(content[8 : 8 + size]))
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise MetadataError(f"The metadata file is damaged: {error}") from error
    file = MetadataFile(head.settings, head.teacher, head.sample, head.num_samples, tensors)
    _check_finite(file)
    return file


def read_head(path: Path) -> Head:
    """What the header of a file says; the arrays are not read.

    Raises:
        MetadataError: it is no file of metadata, or of another version.
        OSError: it cannot be read.
    """
    try:
        return _head(read_header(path))
    except MalformedModel as error:
        raise MetadataError(f"This is no file of metadata: {error}.") from error


def is_one(path: Path) -> bool:
    """Whether a safetensors file says that it holds metadata, of whatever version.

    Raises:
        MalformedModel: it is no safetensors file.
    """
    return _KEY in read_header(path).get("__metadata__", {})


def head_of(file: MetadataFile) -> Head:
    """What the header of such a file says."""
    return Head(file.settings, file.teacher, file.sample, file.num_samples, file.arrays)


def settings_of(tree: Any) -> CollectedMetadata:
    """How metadata was collected, from the plain tree that a header holds.

    Raises:
        MetadataError: nothing is collected like that.
    """
    try:
        found = _adapter().validate_python(tree)
    except ValidationError as error:
        reasons = "; ".join(entry["msg"] for entry in error.errors())
        raise MetadataError(f"The metadata file says in an unknown way how it was collected: {reasons}.") from error
    if not isinstance(found, CollectedMetadata):
        raise MetadataError(f"The metadata file names another file, {kind_of(type(found))}, instead of being one.")
    return found


def check_layout(file: MetadataFile, graph: Graph) -> None:
    """Make sure that the metadata belongs to models of that shape.

    Raises:
        MetadataError: names, shapes or types are not those of the teacher's declaration.
    """
    if wrong := wrong_arrays(file, graph):
        raise MetadataError(f"The metadata does not fit this teacher; these arrays differ: {', '.join(wrong)}.")


def wrong_arrays(file: MetadataFile | Head, graph: Graph) -> list[str]:
    """Names of the arrays that are missing, too many, or not as the teacher's declaration asks."""
    found = {name: (tuple(shape), kind) for name, (shape, kind) in file.arrays.items()}
    wanted = {name: (tuple(shape), kind) for name, (shape, kind) in file.settings.layout(graph).items()}
    return sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))


def packed_bytes(settings: CollectedMetadata, graph: Graph) -> int:
    """Size in bytes of a packed file before it exists: the layout and the header decide it."""
    file = MetadataFile(settings, "0" * 64, graph.sample, 0, _blank(settings.layout(graph)))
    return len(pack(file))


def _blank(layout: Layout) -> dict[str, np.ndarray]:
    return {name: np.zeros(shape, dtype=kind) for name, (shape, kind) in layout.items()}


def _header(file: MetadataFile) -> str:
    fields = {
        "format": FORMAT,
        "version": VERSION,
        "settings": file.settings.model_dump(mode="json"),
        "teacher": file.teacher,
        "sample": file.sample.model_dump(mode="json"),
        "num_samples": str(file.num_samples).rjust(COUNT_WIDTH),
        "guarantee": file.settings.guarantee(),
        "leaks": file.settings.leaks,
    }
    return json.dumps(fields, sort_keys=True)


def _json(content: bytes) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MetadataError("This is no file of metadata: its header cannot be read.") from error
    return header


def _head(entries: dict[str, Any]) -> Head:
    """The head of a file from the entries of its safetensors header."""
    try:
        header: dict[str, Any] = json.loads(entries["__metadata__"][_KEY])
        found = (header["format"], header["version"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MetadataError("This is no file of metadata: its header cannot be read.") from error
    if found != (FORMAT, VERSION):
        raise MetadataError(f"The file is {found[0]} version {found[1]}; {FORMAT} version {VERSION} is read.")
    try:
        arrays = {
            name: (tuple(entry["shape"]), _TYPES.get(entry["dtype"], np.generic))
            for name, entry in entries.items()
            if name != "__metadata__"
        }
        sample = SampleSpec.model_validate(header["sample"])
        return Head(settings_of(header["settings"]), str(header["teacher"]), sample, int(header["num_samples"]), arrays)
    except (ValidationError, KeyError, ValueError, TypeError) as error:
        raise MetadataError(f"The metadata file is damaged: {error}") from error


def _check_finite(file: MetadataFile) -> None:
    for name, array in file.tensors.items():
        if not np.isfinite(array).all():
            raise MetadataError(f"The metadata's array {name} holds numbers that are not finite.")


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[Any, metadata.field()])
