"""The panels beside a distributed inference that is being designed: its network, the pieces, and who can hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.errors import EngineError, Problem
from engine.core.figure import Figure
from engine.datafree.checks import below
from engine.fleet.fleet import Fleet
from engine.inference.cuts.narrowing import narrowed
from engine.inference.cuts.pieces import SOURCE, Piece, Pieces
from engine.inference.plans.prices import can_compute
from engine.inference.splitter import Splitter
from engine.inference.splitters.layer import LayerSplitter
from engine.models.graph import Graph
from engine.models.profile import Profile, profile
from webapp.datafree.previewing import teacher_graph
from webapp.library.drawing import GroupSign, signs
from webapp.library.fitting import log_length
from webapp.previews.modeltable import LayerTable
from webapp.previews.panels import own_parts
from webapp.previews.services import look
from webapp.previews.wanted import samples_of
from webapp.teams.models import Team

TEMPLATE = "inference/_panels.html"

MOST_PIECES = 100
"""Pieces that are listed."""

BAR = 60.0
"""Length of the longest bar of what pieces send."""


@dataclass(frozen=True)
class PieceRow:
    """A piece with what it sends on.

    Attributes:
        piece: what the engine says of it; None for the input, which is sent too.
        title: its name for people.
        macs: multiply-accumulates of one inference; None of the input.
        sent: bytes of all that others read of it.
        bar: length of the drawn bytes.
    """

    piece: Piece | None
    title: str
    macs: int | None
    sent: int
    bar: float


@dataclass(frozen=True)
class Holder:
    """A group with what its devices can hold.

    Attributes:
        sign: the group.
        device: name of its device.
        memory: the figure of the device's memory.
        short: bytes that are missing for the whole network; 0 where it fits.
        num_held: pieces each of which fits and can be computed.
        need_bar: length of the drawn need of the whole network.
        room_bar: length of the drawn memory.
    """

    sign: GroupSign
    device: str
    memory: Figure
    short: int
    num_held: int
    need_bar: float
    room_bar: float


def panels(team: Team, task: Mapping[str, Any], fleet: Fleet | None = None) -> dict[str, Any]:
    """What there is to see of a task's block, which may be unfinished.

    Args:
        team: whose uploads and models it may show.
        task: the block.
        fleet: the devices, where they are known.
    """
    parts, dataset, problems = own_parts(team, task, ("dataset", "teacher", "splitter"))
    context = {
        "panels_template": TEMPLATE,
        "problems": problems,
        "parts": {"dataset": dataset},
        "has_fleet": bool(fleet),
    }
    if dataset is None:
        return context
    context["samples"] = look(samples_of(dataset))
    if "teacher" not in parts:
        return context
    graph, wrong = teacher_graph(team, parts["teacher"], dataset.sample())
    problems += wrong
    if graph is None:
        return context
    whole = profile(graph)
    context["table"] = LayerTable(whole)
    if "splitter" in parts:
        pieces, wrong = pieces_of(parts["splitter"] or LayerSplitter(), graph)
        problems += wrong
        context |= {} if pieces is None else _shown(pieces, whole, fleet)
    return context


def pieces_of(splitter: Splitter, graph: Graph) -> tuple[Pieces | None, list[Problem]]:
    """The pieces as they are before anything is trained and placed, or why there are none."""
    if wrong := below("splitter", splitter.check(graph)):
        return None, wrong
    try:
        return narrowed(splitter.split(graph), splitter.message_bits), []
    except EngineError as error:
        return None, [Problem("splitter", error.code, str(error))]


def _shown(pieces: Pieces, whole: Profile, fleet: Fleet | None) -> dict[str, Any]:
    rows = _rows(pieces)
    return {
        "pieces": rows[: MOST_PIECES + 1],
        "num_pieces": len(pieces.pieces),
        "num_hidden": max(0, len(rows) - MOST_PIECES - 1),
        "is_exact": pieces.exact,
        "holders": [] if fleet is None else holders(pieces, whole, fleet),
    }


def _rows(pieces: Pieces) -> list[PieceRow]:
    """The input and all pieces; what several read of one is sent once."""
    sent: dict[str, dict[object, int]] = {}
    for message in pieces.messages:
        sent.setdefault(message.source, {})[message.part] = message.num_bytes
    sums = {name: sum(parts.values()) for name, parts in sent.items()}
    most = max(sums.values(), default=0) or 1

    def row(piece: Piece | None, title: str, macs: int | None, name: str) -> PieceRow:
        return PieceRow(piece, title, macs, sums.get(name, 0), round(BAR * sums.get(name, 0) / most, 1))

    listed = [row(piece, piece.name, _macs(piece), piece.name) for piece in pieces.pieces]
    return [row(None, "the input", None, SOURCE), *listed]


def _macs(piece: Piece) -> int:
    return sum(count for operator, count in piece.work.macs.items() if operator != "other")


def holders(pieces: Pieces, whole: Profile, fleet: Fleet) -> Sequence[Holder]:
    """What each group's devices can hold: the whole network, and single pieces."""
    needed = whole.inference_bytes
    largest = max(float(fleet.ram_bytes.max()), float(needed))
    rows = []
    for sign, kind, available in zip(signs(fleet), fleet.kinds, fleet.ram_bytes.tolist(), strict=True):
        held = [piece for piece in pieces.pieces if piece.peak_bytes <= available and can_compute(kind, piece)]
        rows.append(
            Holder(
                sign=sign,
                device=kind.name,
                memory=kind.ram_bytes,
                short=max(0, needed - int(available)),
                num_held=len(held),
                need_bar=log_length(needed, largest),
                room_bar=log_length(available, largest),
            )
        )
    return rows
