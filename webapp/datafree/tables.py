"""The tables of a data-free run: contenders side by side, each on each device, recall by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.datafree.board import Board, Json

PRECISIONS = ("fp32", "int8", "int4")
"""How wide weights can be stored, widest first."""

SHADES = 5
"""Steps of shade of the recall table."""


@dataclass(frozen=True)
class Compared:
    """A contender beside teacher and oracle.

    Attributes:
        row: as its event tells it.
        color: number of the color of its signs.
        to_teacher: its accuracy minus the teacher's; None where one of them is missing or it is the teacher.
        to_oracle: likewise to the oracle.
        sizes: bytes of its weights by precision, in the order of ``PRECISIONS``.
        recall: share of each class's samples that it finds, each with a shade from 1 to 5; 0 for a class without any.
    """

    row: Json
    color: int
    to_teacher: float | None
    to_oracle: float | None
    sizes: Sequence[int | None]
    recall: Sequence[tuple[float | None, int]]


@dataclass(frozen=True)
class Fit:
    """Whether weights of a precision fit into a device.

    Attributes:
        precision: of the weights.
        fits: whether they do; None if that is not known.
        excess_bytes: by how many bytes not.
        places: what of it is too small, in words.
    """

    precision: str
    fits: bool | None
    excess_bytes: int
    places: str


@dataclass(frozen=True)
class OnDevice:
    """A contender on the devices of a group."""

    title: str
    group: str
    device: str
    latency_s: float | None
    energy_j: float | None
    fits: Sequence[Fit]


def compared(board: Board) -> list[Compared]:
    """All contenders so far, the teacher first."""
    teacher, oracle = board.contenders.get("teacher"), board.contenders.get("oracle")
    found = []
    for row in board.contenders.values():
        sizes = [_size(row, precision) for precision in PRECISIONS]
        recall = [(value, _shade(value)) for value in row.get("recall") or ()]
        color = board.color(str(row["name"]))
        found.append(Compared(row, color, _gap(row, teacher), _gap(row, oracle), sizes, recall))
    return found


def on_devices(board: Board) -> list[OnDevice]:
    """Every contender on every group of devices; before any is measured, what was known before the run."""
    titles = {one["name"]: one["title"] for one in board.facts.get("contenders", ())}
    known = [{**row, "title": titles.get(row["name"], row["name"])} for row in board.facts.get("budget") or ()]
    return [
        OnDevice(
            str(row["title"]), str(device["group"]), str(device.get("device", "")),
            device.get("latency_s"), device.get("energy_j"), fits_of(device),
        )
        for row in list(board.contenders.values()) or known
        for device in row.get("devices") or ()
    ]  # fmt: skip


def fits_of(device: Mapping[str, Any]) -> list[Fit]:
    """Whether a model fits into a device, by precision; one verdict where the event tells but one."""
    by_precision = device.get("precision") or {}
    found = [_fit(name, by_precision[name]) for name in PRECISIONS if name in by_precision]
    if not found and "fits" in device:
        found = [_fit("fp32", device)]
    return found


def _fit(precision: str, told: Mapping[str, Any]) -> Fit:
    short = [
        word
        for word, place in (("flash", "flash"), ("memory", "ram"))
        if (there := told.get(f"{place}_available")) is not None and (told.get(f"{place}_needed") or 0) > there
    ]
    return Fit(precision, told.get("fits"), int(told.get("excess_bytes") or 0), " and ".join(short))


def _gap(row: Json, other: Json | None) -> float | None:
    if other is None or other is row or row.get("accuracy") is None or other.get("accuracy") is None:
        return None
    return float(row["accuracy"]) - float(other["accuracy"])


def _size(row: Json, precision: str) -> int | None:
    value = (row.get("bytes") or {}).get(precision)
    return None if value is None else int(value)


def _shade(value: float | None) -> int:
    return 0 if value is None else min(SHADES, 1 + int(value * SHADES))
