"""Whether a fleet's devices can train a model: the table of a fleet's page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.figure import Figure
from engine.core.operators import OPERATOR_CLASSES
from engine.core.registry import kind_of
from engine.costs.memory import Room, rooms
from engine.data.dataset import Dataset
from engine.fleet.fleet import Fleet
from engine.models.model import Model, models
from engine.models.profile import Profile
from webapp.datasets.builtin import kinds
from webapp.datasets.models import Upload, UploadState
from webapp.library.drawing import GroupSign, signs
from webapp.previews.modeltable import profile_of
from webapp.previews.parts import read_part
from webapp.specforms.node import Choice
from webapp.teams.models import Team

BAR = 120.0
BATCHES = 1_000_000
DEFAULTS = {"model": "mcmahan_cnn", "dataset": "mnist", "batch": "32"}


@dataclass(frozen=True)
class FitRow:
    """Whether a group's devices can train the model.

    Attributes:
        sign: the group.
        device: name of its device.
        available: memory that a task can use, in bytes.
        left: bytes to spare; negative where it does not fit.
        most_batch: largest batch that fits; 0 if not even one sample does.
        without_speed: operators that the device cannot compute in floating point.
        need_bar: length of the drawn need.
        room_bar: length of the drawn memory.
        memory: the figure of the device's memory.
        trained: whether the trained model fits, in float and in 8-bit integers each into flash and memory.
    """

    sign: GroupSign
    device: str
    available: int
    left: int
    most_batch: int
    without_speed: tuple[str, ...]
    need_bar: float
    room_bar: float
    memory: Figure
    trained: Sequence[Room]

    @property
    def fits(self) -> bool:
        """Whether memory and speed are there."""
        return self.left >= 0 and not self.without_speed

    @property
    def missing(self) -> int:
        """Bytes that are missing."""
        return max(0, -self.left)


@dataclass(frozen=True)
class Fit:
    """A model on a fleet.

    Attributes:
        profile: what the model costs.
        batch: samples per step.
        copies: further copies of the weights.
        needed: bytes to train.
        rows: one per group.
    """

    profile: Profile
    batch: int
    copies: int
    needed: int
    rows: Sequence[FitRow]


def fit_context(fleet: Fleet, query: Mapping[str, str], team: Team) -> dict[str, Any]:
    """The choices of the table and the table itself, or why there is none."""
    chosen = {name: query.get(name, "").strip() or default for name, default in DEFAULTS.items()}
    copies = 1 if query.get("momentum") else 0
    context: dict[str, Any] = {
        "chosen": {**chosen, "momentum": copies},
        "model_choices": [Choice(kind, kind) for kind in models.members()],
        "dataset_choices": [Choice(kind, kind) for kind in kinds()] + _uploads(team),
    }
    dataset, model = _dataset(chosen["dataset"], team), _model(chosen["model"])
    batch = int(chosen["batch"]) if chosen["batch"].isdecimal() and len(chosen["batch"]) < 8 else 0
    if dataset is None or model is None or not 1 <= batch <= BATCHES:
        return {**context, "unfit": f"Choose a model, a data set and a batch of 1 to {BATCHES:,} samples."}
    problems = model.check(dataset.sample())
    if problems:
        return {
            **context,
            "unfit": " ".join(f"{problem.message[:1].upper()}{problem.message[1:]}." for problem in problems),
        }
    found = fit(fleet, profile_of(model, dataset.sample()), batch, copies)
    return {**context, "fit": found, "model_kind": kind_of(type(model))}


def fit(fleet: Fleet, profile: Profile, batch: int, copies: int) -> Fit:
    """Whether each group can train the model."""
    needed = profile.training_bytes(batch, copies)
    fixed = profile.training_bytes(0, copies)
    each = profile.training_bytes(1, copies) - fixed
    largest = max(float(np.nanmax(fleet.ram_bytes)), float(needed))
    everywhere = [room for room in rooms(fleet, profile, batch, optimizer_copies=copies) if room.use == "inference"]
    rows = []
    for sign, kind, available in zip(signs(fleet), fleet.kinds, fleet.ram_bytes, strict=True):
        missing = [op for op in OPERATOR_CLASSES if profile.macs.get(op, 0) and kind.rate(op) is None]
        room = int(available)
        rows.append(
            FitRow(
                sign=sign,
                device=kind.name,
                available=room,
                left=room - needed,
                most_batch=max(0, (room - fixed) // each) if each else 0,
                without_speed=tuple(missing),
                need_bar=log_length(needed, largest),
                room_bar=log_length(room, largest),
                memory=kind.ram_bytes,
                trained=[one for one in everywhere if one.group == sign.name],
            )
        )
    return Fit(profile, batch, copies, needed, rows)


def log_length(value: float, largest: float) -> float:
    """Length of a bar on a logarithmic scale from a kilobyte on, since memories differ by factors of a million.

    Args:
        value: bytes that are drawn.
        largest: bytes of the longest bar.
    """
    return round(BAR * float(np.log10(max(value, 1e3) / 1e3) / np.log10(max(largest, 1e4) / 1e3)), 1)


def _uploads(team: Team) -> list[Choice]:
    rows = Upload.objects.of(team).filter(state=UploadState.READY)[:100]
    return [Choice(f"upload:{row.pk}", f"{row.name} (uploaded)") for row in rows]


def _dataset(chosen: str, team: Team) -> Dataset | None:
    if chosen.startswith("upload:"):
        rows = Upload.objects.of(team).filter(state=UploadState.READY)
        row = next((row for row in rows if f"upload:{row.pk}" == chosen), None)
        return None if row is None else read_part("dataset", row.spec)
    return kinds()[chosen]() if chosen in kinds() else None


def _model(chosen: str) -> Model | None:
    return models.members()[chosen]() if chosen in models.members() else None
