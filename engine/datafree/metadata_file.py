"""The file that stands for private data: a safetensors file with a versioned header, read without running code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from engine.core.errors import EngineError
from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.datafree.metadata import Layout, Metadata, metadata
from engine.models.graph import Graph

FORMAT = "edgeloom-metadata"
VERSION = 1

COUNT_WIDTH = 12
"""Characters of the number of samples in the header, so that the size of a file is known before it is made."""

_KEY = "edgeloom"
"""The one entry of the safetensors header; several would be written in an order that changes from file to file."""


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

    settings: Metadata
    teacher: str
    sample: SampleSpec
    num_samples: int
    tensors: Mapping[str, np.ndarray]

    @property
    def kind(self) -> str:
        """Kind of the metadata."""
        return kind_of(type(self.settings))

    @property
    def epsilon(self) -> float | None:
        """Epsilon of the release; None without a formal guarantee."""
        return self.settings.epsilon()


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

    header = _read_header(content)
    try:
        tensors = load(content)
        settings = TypeAdapter[Metadata](_AnyMetadata).validate_python(header["settings"])
        sample = SampleSpec.model_validate(header["sample"])
        file = MetadataFile(settings, str(header["teacher"]), sample, int(header["num_samples"]), tensors)
    except (SafetensorError, ValidationError, KeyError, ValueError, TypeError) as error:
        raise MetadataError(f"The metadata file is damaged: {error}") from error
    _check_finite(file)
    return file


def check_layout(file: MetadataFile, graph: Graph) -> None:
    """Make sure that the metadata belongs to models of that shape.

    Raises:
        MetadataError: names, shapes or types are not those of the teacher's declaration.
    """
    found = {name: (array.shape, array.dtype.type) for name, array in file.tensors.items()}
    wanted = {name: (tuple(shape), kind) for name, (shape, kind) in file.settings.layout(graph).items()}
    if found != wanted:
        wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        raise MetadataError(f"The metadata does not fit this teacher; these arrays differ: {', '.join(wrong)}.")


def packed_bytes(settings: Metadata, graph: Graph) -> int:
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


def _read_header(content: bytes) -> dict[str, Any]:
    try:
        size = int.from_bytes(content[:8], "little")
        header: dict[str, Any] = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][_KEY])
        found = (header["format"], header["version"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MetadataError("This is no file of metadata: its header cannot be read.") from error
    if found != (FORMAT, VERSION):
        raise MetadataError(f"The file is {found[0]} version {found[1]}; {FORMAT} version {VERSION} is read.")
    return header


def _check_finite(file: MetadataFile) -> None:
    for name, array in file.tensors.items():
        if not np.isfinite(array).all():
            raise MetadataError(f"The metadata's array {name} holds numbers that are not finite.")


_AnyMetadata: Any = metadata.field()
