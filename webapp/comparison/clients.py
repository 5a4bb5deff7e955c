"""Clients by rounds: what each device did in every round of a run, in no more cells than a screen can tell apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from webapp.comparison.selection import Entry
from webapp.experiments.log import unpack
from webapp.experiments.models import Run

VALUES: Mapping[str, tuple[str, str]] = {"loss": ("Loss", ""), "time_s": ("Ready after", "s")}
"""What the cells can show: title and unit."""

COLUMNS, ROWS = 120, 60
MOST_ENTRIES = 6
"""Settings whose clients are shown side by side; the maps of more are too small to read."""


@dataclass(frozen=True)
class Client:
    """A row of the map's table: one device, or neighbors that share a row of the map."""

    name: str
    rounds: int
    first: float
    mean: float
    last: float


@dataclass(frozen=True)
class Frame:
    """What all maps of a page share, so that the same place is the same devices and rounds in each.

    Attributes:
        first: the first round.
        width: rounds that share a column.
        height: devices that share a row.
        columns: number of columns.
        rows: number of rows.
    """

    first: int = 1
    width: int = 1
    height: int = 1
    columns: int = 0
    rows: int = 0

    def name(self, row: int) -> str:
        """The devices of a row."""
        last = row * self.height + self.height - 1
        return f"{row}" if self.height == 1 else f"{row * self.height} to {last}"


@dataclass(frozen=True)
class HeatMap:
    """The map of one run.

    Attributes:
        entry: whose run it is.
        run: the run; None if the setting has none with that seed.
        cells: ``(row, column, value)``, the mean of what falls into a cell; cells where nobody took part are missing.
        clients: the same as a table.
    """

    entry: Entry
    run: Run | None
    cells: list[tuple[int, int, float]]
    clients: list[Client]


def seeds_of(entries: Sequence[Entry]) -> list[int]:
    """The seeds of which maps can be shown, those that more settings have first."""
    seeds = [run.seed for entry in entries for run in entry.runs if run.last_seq]
    return sorted(set(seeds), key=lambda seed: (-seeds.count(seed), seed))


def heat_maps(entries: Sequence[Entry], seed: int, value: str) -> tuple[Frame, list[HeatMap]]:
    """The maps of the first settings, all of one seed, so that they show the same clients with the same data.

    Args:
        entries: the settings.
        seed: of which runs.
        value: a key of :data:`VALUES`.
    """
    shown = entries[:MOST_ENTRIES]
    runs = [next((run for run in entry.runs if run.seed == seed), None) for entry in shown]
    points = [np.array(list(_points(run, value)) if run else [], dtype=np.float64).reshape(-1, 3) for run in runs]
    frame = _frame(np.concatenate(points)) if points else Frame()
    return frame, [_map(*found, frame) for found in zip(shown, runs, points, strict=True)]


def limits(maps: Sequence[HeatMap]) -> tuple[float, float] | None:
    """The smallest and the largest value of all maps, so that one color means the same in each; None without any."""
    values = [value for one in maps for _, _, value in one.cells]
    return (min(values), max(values)) if values else None


def _frame(points: np.ndarray) -> Frame:
    if not len(points):
        return Frame()
    rounds, devices = points[:, 0].astype(int), points[:, 1].astype(int)
    first, num_rounds, num_devices = int(rounds.min()), int(np.ptp(rounds)) + 1, int(devices.max()) + 1
    width, height = -(-num_rounds // COLUMNS), -(-num_devices // ROWS)
    return Frame(first, width, height, -(-num_rounds // width), -(-num_devices // height))


def _map(entry: Entry, run: Run | None, points: np.ndarray, frame: Frame) -> HeatMap:
    if not len(points):
        return HeatMap(entry, run, [], [])
    rounds, values = points[:, 0].astype(int), points[:, 2]
    columns, rows = (rounds - frame.first) // frame.width, points[:, 1].astype(int) // frame.height
    place = rows * frame.columns + columns
    count = np.bincount(place)
    total = np.bincount(place, weights=values)
    cells = [(*divmod(at, frame.columns), float(total[at] / count[at])) for at in np.flatnonzero(count).tolist()]
    return HeatMap(entry, run, cells, _table(rows, rounds, values, frame))


def _table(rows: np.ndarray, rounds: np.ndarray, values: np.ndarray, frame: Frame) -> list[Client]:
    found = []
    for row in np.unique(rows).tolist():
        own = values[rows == row][np.argsort(rounds[rows == row], kind="stable")]
        found.append(Client(frame.name(row), len(own), float(own[0]), float(own.mean()), float(own[-1])))
    return found


def _points(run: Run, value: str) -> Iterator[tuple[float, float, float]]:
    """Round, device and value of everything that clients of a run said; what is not finite is left out."""
    for batch in run.batches.order_by("seq_first").iterator(chunk_size=20):
        for event in unpack(batch.data):
            if event["kind"] == "clients":
                body = event["body"]
                for device, number in zip(body["ids"], body.get(value) or (), strict=False):
                    if number is not None:
                        yield body["round"], device, number
