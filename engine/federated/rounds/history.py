"""What took place in every round so far, small enough to go into every checkpoint.

A round is a record of named columns of whole numbers. Columns become steps between neighbors or distances from their
least value, in the smallest type that holds them: a round of a thousand clients takes about five kilobytes.
"""

import json
from collections.abc import Iterator, Mapping

import numpy as np

from engine.task.state import Tensors

HISTORY = "history"
"""Prefix of the arrays with the records in a state."""

RECORDS_PER_ARRAY = 128
"""Records that share an array: a state of thousands of rounds stays quick to copy, and adding a round to write."""

_STEPS, _DISTANCES = "steps", "distances"
_HEADER_BYTES = 4


def with_record(tensors: Tensors, number: int, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The array of a state to be replaced so that it holds one more record.

    Args:
        tensors: those of the state.
        number: of the record, from 1, one more than the last one's.
        columns: whole numbers by name, each one-dimensional; their order does not matter.
    """
    name = f"{HISTORY}/{(number - 1) // RECORDS_PER_ARRAY}"
    earlier = tensors.get(name, np.zeros(0, dtype=np.uint8))
    return {name: np.concatenate([earlier, np.frombuffer(_packed(columns), dtype=np.uint8)])}


def records(tensors: Tensors) -> Iterator[dict[str, np.ndarray]]:
    """The records of a state, in order; columns are 64-bit integers."""
    prefix = f"{HISTORY}/"
    numbers = sorted(int(name.removeprefix(prefix)) for name in tensors if name.startswith(prefix))
    for number in numbers:
        yield from _unpacked(tensors[f"{prefix}{number}"].tobytes())


def _packed(columns: Mapping[str, np.ndarray]) -> bytes:
    entries, parts = [], []
    for name, column in sorted(columns.items()):  # a state from disk has them in another order
        values = np.asarray(column, dtype=np.int64)
        form = _STEPS if len(values) > 1 and (np.diff(values) > 0).all() else _DISTANCES
        least = int(values.min()) if len(values) else 0
        small = np.diff(values, prepend=values[:1]) if form == _STEPS else values - least
        highest = int(small.max()) if len(values) else 0
        kind = np.dtype(np.min_scalar_type(highest)) if highest else None
        entries.append([name, form, len(values), least, "" if kind is None else kind.newbyteorder("<").str])
        if kind is not None:
            parts.append(small.astype(kind.newbyteorder("<")).tobytes())
    header = json.dumps(entries, separators=(",", ":")).encode()
    return b"".join([len(header).to_bytes(_HEADER_BYTES, "little"), header, *parts])


def _unpacked(data: bytes) -> Iterator[dict[str, np.ndarray]]:
    place = 0
    while place < len(data):
        end = place + _HEADER_BYTES + int.from_bytes(data[place : place + _HEADER_BYTES], "little")
        entries = json.loads(data[place + _HEADER_BYTES : end])
        place, columns = end, {}
        for name, form, count, least, kind in entries:
            small = np.zeros(count, dtype=np.int64)
            if kind:
                small = np.frombuffer(data, kind, count, place).astype(np.int64)
                place += count * np.dtype(kind).itemsize
            columns[name] = least + (np.cumsum(small) if form == _STEPS else small)
        yield columns
