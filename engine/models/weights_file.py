"""Weights from a stranger's file: safetensors against the declaration of a network, never a pickle.

Nothing of the file is run. Its header is JSON, its tensors are bytes; every difference to the declared network is told.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import Problem, SpecError
from engine.core.sample import SampleSpec
from engine.models.graph import Graph, ParameterInfo
from engine.models.layer import elements, text_of
from engine.models.model import Model
from engine.models.model_file import MalformedModel, read_header

MOST_BYTES = 512 << 20
"""Bytes of a file that is read: more than the largest network of the zoo needs in float32."""

WIDTHS: Mapping[str, int] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Number formats that are read, and bytes of one number; all become float32."""

UNUSED = ".num_batches_tracked"
"""End of the name of torch's counter of batches, which nothing reads: it is left out."""

NAMES_SHOWN = 10
"""Names of tensors that one message tells."""

PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How files of torch.save begin: a zip archive with a pickle, or a pickle."""

HOW_TO_CONVERT = (
    "convert it where you trust it: state = torch.load('model.pt', weights_only=True); "
    "safetensors.torch.save_file(state, 'model.safetensors')"
)


def check_upload(path: Path, model: Model, sample: SampleSpec) -> dict[str, np.ndarray]:
    """The weights of a file by name, float32, in the order of the network's parameters.

    Args:
        path: the file.
        model: the architecture that it is said to be of.
        sample: what goes in, and the number of classes.

    Raises:
        SpecError: the file is none, too large or a pickle, or its tensors differ from those of the network in names,
            shapes or number format, or are not finite: all problems at once; the path of each is the tensor's name.
    """
    if problems := model.check(sample):
        raise SpecError(problems)
    graph = model.declare(sample)
    entries = _entries(path)
    problems = [*_differences(graph, entries), *_malformed(path, graph, entries)]
    weights = {}
    broken = {problem.path for problem in problems}
    for info in graph.parameters():
        if info.name in entries and info.name not in broken:
            weights[info.name] = _tensor(path, entries[info.name])
            problems += _values(info, weights[info.name])
    if problems:
        raise SpecError(problems)
    return weights


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    """The header's entry of each tensor, by name.

    Raises:
        SpecError: the file is none that is read.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise SpecError([Problem("", "too_large", f"a file may have {MOST_BYTES:,} bytes; {size:,} were given")])
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(PICKLES) and not _is_readable(path):
        message = (
            "the file is a pickle (as torch.save writes it), which can run code when it is read; allowed is a "
            f"safetensors file: {HOW_TO_CONVERT}"
        )
        raise SpecError([Problem("", "pickle", message)])
    try:
        header = read_header(path)
    except MalformedModel as error:
        raise SpecError([Problem("", "malformed", f"allowed is a safetensors file; {error}")]) from error
    return {
        name: entry if isinstance(entry, dict) else {}
        for name, entry in header.items()
        if name != "__metadata__" and not name.endswith(UNUSED)
    }


def _is_readable(path: Path) -> bool:
    """Whether it is a safetensors file after all: its length of the header may begin like a pickle."""
    try:
        read_header(path)
    except MalformedModel:
        return False
    return True


def _differences(graph: Graph, entries: Mapping[str, Any]) -> Iterator[Problem]:
    """Tensors that are missing or too many."""
    wanted = [info.name for info in graph.parameters()]
    missing = [name for name in wanted if name not in entries]
    further = [name for name in entries if name not in set(wanted)]
    if missing:
        yield Problem("", "missing", f"tensors of the network are missing ({len(missing)}): {_shown(missing)}")
    if further:
        message = (
            f"tensors are not of the network ({len(further)}): {_shown(further)}; allowed are {len(wanted)} names: "
            f"{_shown(wanted)}"
        )
        yield Problem("", "unknown", message)


def _malformed(path: Path, graph: Graph, entries: Mapping[str, dict[str, Any]]) -> Iterator[Problem]:
    """Tensors of another shape or number format, or whose bytes are not where the header says."""
    size = path.stat().st_size - _start(path)
    for info in graph.parameters():
        if (entry := entries.get(info.name)) is None:
            continue
        shape, kind, place = entry.get("shape"), entry.get("dtype"), entry.get("data_offsets")
        if shape != list(info.shape):
            given = text_of(shape) if isinstance(shape, list) else str(shape)
            message = f"the shape must be {text_of(info.shape)}; {given} was given"
            yield Problem(info.name, "shape", message)
        elif not isinstance(kind, str) or kind not in WIDTHS:
            message = f"numbers must be {', '.join(WIDTHS)}; {kind} was given"
            yield Problem(info.name, "number_format", message)
        elif not _is_whole(place, WIDTHS[kind] * info.num_elements, size):
            message = f"its bytes are not within the file: {place} of {size:,} bytes"
            yield Problem(info.name, "malformed", message)


def _is_whole(place: object, num_bytes: int, size: int) -> bool:
    match place:
        case [int(first), int(last)]:
            return first >= 0 and last <= size and last - first == num_bytes
        case _:
            return False


def _tensor(path: Path, entry: Mapping[str, Any]) -> np.ndarray:
    """A tensor whose entry was checked, as float32; numbers in bfloat16 are the upper half of those in float32."""
    kind, shape = entry["dtype"], tuple(entry["shape"])
    stored = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}[kind]
    place = _start(path) + entry["data_offsets"][0]
    values = np.fromfile(path, dtype=stored, count=elements(shape), offset=place)
    if kind == "BF16":
        values = (values.astype("<u4") << 16).view("<f4")
    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, which is told
        return values.astype(np.float32).reshape(shape)


def _values(info: ParameterInfo, values: np.ndarray) -> Iterator[Problem]:
    """Numbers that no trained network has."""
    wrong = int(values.size - np.isfinite(values).sum())
    if wrong:
        message = f"all numbers must be finite in float32; {wrong:,} of {values.size:,} are not"
        yield Problem(info.name, "not_finite", message)
    elif info.name.endswith(".running_var") and values.min(initial=0.0) < 0:
        yield Problem(info.name, "negative", f"a variance must be 0 or more; {values.min():g} was given")


def _start(path: Path) -> int:
    """Where the tensors begin."""
    with path.open("rb") as file:
        return 8 + int.from_bytes(file.read(8), "little")


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
