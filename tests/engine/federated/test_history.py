"""Records of rounds: all that was put in comes out, and they stay small."""

import numpy as np

from engine.core.streams import stream
from engine.federated.rounds.history import RECORDS_PER_ARRAY, records, with_record


def test_what_goes_in_comes_out_in_order() -> None:
    rounds = [
        {"client": np.array([3, 7, 900_000]), "bytes_up": np.array([5, 5, 5]), "counts": np.array([1, 0, 1])},
        {"client": np.array([], dtype=np.int64), "bytes_up": np.array([], dtype=np.int64)},
        {"client": np.array([4]), "bytes_up": np.array([-1]), "steps": np.array([2**40])},
        {"client": np.array([9, 2, 2]), "bytes_up": np.array([-1, 70_000, 3])},
    ]
    tensors: dict[str, np.ndarray] = {"server/weights/w": np.zeros(3)}
    for number, columns in enumerate(rounds, start=1):
        tensors |= with_record(tensors, number, columns)
    found = list(records(tensors))
    assert [list(columns) for columns in found] == [sorted(columns) for columns in rounds]
    for mine, given in zip(found, rounds, strict=True):
        assert all(mine[name].tolist() == column.tolist() for name, column in given.items())


def test_thousands_of_rounds_are_a_few_arrays() -> None:
    draw = stream(0, "history")
    tensors: dict[str, np.ndarray] = {}
    count = RECORDS_PER_ARRAY + 3
    for number in range(1, count + 1):
        clients = np.sort(draw.choice(1_000_000, 1000, replace=False))
        samples = draw.integers(10, 200, 1000)
        columns = {
            "client": clients, "bytes_down": np.full(1000, 6504), "samples": samples, "steps": -(-samples // 10),
            "bytes_up": np.full(1000, 6504), "counts": np.ones(1000, np.int64),
        }  # fmt: skip
        tensors |= with_record(tensors, number, columns)
    assert len(tensors) == 2
    assert len(list(records(tensors))) == count
    # neighbors of a thousand in a million lie about a thousand apart: two bytes; samples and steps one byte each
    assert sum(array.nbytes for array in tensors.values()) / count < 4500
