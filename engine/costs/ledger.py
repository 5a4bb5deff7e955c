"""Where the seconds, joules and bytes went: by device and phase, by group, by link."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.costs.columns import sums_of

CONNECT, QUEUE, IDLE, TAIL, RELAY = "connect", "queue", "idle", "tail", "relay"
"""Phases that the cost model adds to those of the trace: joining the network, waiting in line for a channel, waiting,
the radio's time to fall asleep, and passing on the messages of others."""

QUANTITIES = ("time_s", "energy_j", "bytes_up", "bytes_down", "recalled_time_s", "recalled_energy_j")
"""Columns of the ledger. Bytes are payload, without headers; ``recalled_*`` is the part that rests on recalled
figures."""

LINK_QUANTITIES = ("time_s", "energy_j", "wire_bytes")
"""Columns of the links: seconds on air, joules spent by the network itself, and bytes with headers and repetitions."""

DIRECTIONS = ("up", "down")
"""The two directions of a link: towards the server and away from it."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Ledger:
    """The cost of one or more rounds; ledgers of the same fleet and network add up.

    Attributes:
        groups: names of the fleet's groups.
        phases: names of the phases.
        link_names: names of the links.
        devices: (n,) devices that took part, ascending.
        group_of: (n,) their groups.
        values: quantity -> (n, P) by device and phase.
        link_values: quantity -> (L, 2) by link and direction.
        elapsed_s: simulated time from the start of the first round to the end of the last.
    """

    groups: tuple[str, ...]
    phases: tuple[str, ...]
    link_names: tuple[str, ...]
    devices: NDArray[np.int64]
    group_of: NDArray[np.int32]
    values: Mapping[str, Matrix]
    link_values: Mapping[str, Matrix]
    elapsed_s: float

    @classmethod
    def empty(cls, groups: Sequence[str] = (), link_names: Sequence[str] = ()) -> "Ledger":
        """A ledger of nothing, the zero of addition."""
        return cls(
            groups=tuple(groups),
            phases=(),
            link_names=tuple(link_names),
            devices=np.zeros(0, dtype=np.int64),
            group_of=np.zeros(0, dtype=np.int32),
            values={name: np.zeros((0, 0)) for name in QUANTITIES},
            link_values={name: np.zeros((len(link_names), 2)) for name in LINK_QUANTITIES},
            elapsed_s=0.0,
        )

    def add(self, other: "Ledger") -> "Ledger":
        """Both ledgers together; time adds up, as rounds follow each other.

        Raises:
            EngineError: they belong to different fleets.
        """
        if self.groups and other.groups and self.groups != other.groups:
            raise EngineError(f"ledgers of different fleets do not add up: {self.groups} and {other.groups}")
        phases = tuple(dict.fromkeys(self.phases + other.phases))
        names = tuple(dict.fromkeys(self.link_names + other.link_names))
        devices = np.union1d(self.devices, other.devices)
        group_of = np.zeros(len(devices), dtype=np.int32)
        values = {name: np.zeros((len(devices), len(phases))) for name in QUANTITIES}
        links = {name: np.zeros((len(names), 2)) for name in LINK_QUANTITIES}
        for part in (self, other):
            rows = np.searchsorted(devices, part.devices)
            group_of[rows] = part.group_of
            columns = np.array([phases.index(phase) for phase in part.phases], dtype=np.int64)
            cells = np.ix_(rows, columns)
            places = [names.index(name) for name in part.link_names]
            for name in QUANTITIES:
                if part is self and values[name].shape == part.values[name].shape:
                    values[name] = np.array(part.values[name])  # nothing is new, so it stands where it stood
                else:
                    values[name][cells] += part.values[name]
            for name in LINK_QUANTITIES:
                links[name][places] += part.link_values[name]
        groups = self.groups or other.groups
        return Ledger(groups, phases, names, devices, group_of, values, links, self.elapsed_s + other.elapsed_s)

    def __add__(self, other: "Ledger") -> "Ledger":
        return self.add(other)

    def totals(self) -> dict[str, float]:
        """The whole cost.

        Returns:
            ``time_s`` (simulated time that passed), ``device_time_s`` (summed over devices, waiting not counted),
            ``energy_j`` (of the devices), ``network_energy_j`` (of links that state their own), ``bytes_up`` and
            ``bytes_down`` (payload), ``wire_bytes`` (with headers and repetitions, on every link crossed) and
            ``share_recalled``: the greater of the shares of device time and of energy that rest on recalled figures.
        """
        sums = {name: self._by_group(name).sum(axis=0) for name in self.values}
        busy = np.array([phase != IDLE for phase in self.phases], dtype=bool)
        time_s, energy_j = float(sums["time_s"][busy].sum()), float(sums["energy_j"].sum())
        shares = (
            _ratio(float(sums["recalled_time_s"][busy].sum()), time_s),
            _ratio(float(sums["recalled_energy_j"].sum()), energy_j),
        )
        return {
            "time_s": self.elapsed_s,
            "device_time_s": time_s,
            "energy_j": energy_j,
            "network_energy_j": float(self.link_values["energy_j"].sum()),
            "bytes_up": float(sums["bytes_up"].sum()),
            "bytes_down": float(sums["bytes_down"].sum()),
            "wire_bytes": float(self.link_values["wire_bytes"].sum()),
            "share_recalled": min(1.0, max(shares)),
        }

    def by_group(self) -> list[dict[str, Any]]:
        """Rows summed over the devices of each group, then the links; see :meth:`to_rows`."""
        rows, whole = [], {name: self._by_group(name) for name in self.values}
        for number, group in enumerate(self.groups):
            rows += self._rows(f"group:{group}", group, {name: sums[number] for name, sums in whole.items()})
        return rows + self._link_rows()

    def _by_group(self, name: str) -> Matrix:
        """(G, P) one quantity summed by group."""
        return sums_of(self.values, name, self.group_of, max(1, len(self.groups)))

    def to_rows(self) -> list[dict[str, Any]]:
        """One row per device and phase that cost anything, then one per link and direction.

        Returns:
            Rows with owner (``device:3``, ``link:wifi4_linux``), group, phase (a link's is ``up`` or ``down``),
            time_s, energy_j, bytes_up, bytes_down, recalled_time_s and recalled_energy_j. Bytes of a link carry
            headers and repetitions.
        """
        rows = []
        for place, device in enumerate(self.devices):
            sums = {name: matrix[place] for name, matrix in self.values.items()}
            rows += self._rows(f"device:{device}", self.groups[self.group_of[place]], sums)
        return rows + self._link_rows()

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]], *, elapsed_s: float) -> "Ledger":
        """The ledger that :meth:`to_rows` wrote; the order of groups, phases and links is that of their first row.

        Raises:
            EngineError: a row belongs to neither a device nor a link.
        """
        rows = list(rows)
        of_devices = [row for row in rows if row["owner"].startswith("device:")]
        of_links = [row for row in rows if row["owner"].startswith("link:")]
        if len(of_devices) + len(of_links) != len(rows):
            raise EngineError("rows of a ledger belong to a device or a link")
        groups = tuple(dict.fromkeys(row["group"] for row in of_devices))
        phases = tuple(dict.fromkeys(row["phase"] for row in of_devices))
        names = tuple(dict.fromkeys(row["owner"].removeprefix("link:") for row in of_links))
        ids = np.array([int(row["owner"].removeprefix("device:")) for row in of_devices], dtype=np.int64)
        devices, place = np.unique(ids, return_inverse=True)
        group_of = np.zeros(len(devices), dtype=np.int32)
        values = {name: np.zeros((len(devices), len(phases))) for name in QUANTITIES}
        for i, row in zip(place, of_devices, strict=True):
            group_of[i] = groups.index(row["group"])
            for name in QUANTITIES:
                values[name][i, phases.index(row["phase"])] = row[name]
        links = {name: np.zeros((len(names), 2)) for name in LINK_QUANTITIES}
        for row in of_links:
            cell = names.index(row["owner"].removeprefix("link:")), DIRECTIONS.index(row["phase"])
            links["time_s"][cell], links["energy_j"][cell] = row["time_s"], row["energy_j"]
            links["wire_bytes"][cell] = row["bytes_up"] + row["bytes_down"]
        return cls(groups, phases, names, devices, group_of, values, links, elapsed_s)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The ledger as named arrays, for checkpoints; the texts are bytes of JSON."""
        texts = {"groups": self.groups, "phases": self.phases, "link_names": self.link_names}
        return {
            "devices": self.devices,
            "group_of": self.group_of,
            **self.values,
            **{f"link_{name}": matrix for name, matrix in self.link_values.items()},
            "elapsed_s": np.array([self.elapsed_s]),
            "texts": np.frombuffer(json.dumps(texts, sort_keys=True).encode(), dtype=np.uint8),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Ledger":
        """The ledger of :meth:`to_arrays`.

        Raises:
            EngineError: an array is missing.
        """
        try:
            texts = json.loads(bytes(np.asarray(arrays["texts"], dtype=np.uint8)).decode())
            return cls(
                groups=tuple(texts["groups"]),
                phases=tuple(texts["phases"]),
                link_names=tuple(texts["link_names"]),
                devices=np.asarray(arrays["devices"], dtype=np.int64),
                group_of=np.asarray(arrays["group_of"], dtype=np.int32),
                values={name: np.asarray(arrays[name], dtype=np.float64) for name in QUANTITIES},
                link_values={name: np.asarray(arrays[f"link_{name}"], dtype=np.float64) for name in LINK_QUANTITIES},
                elapsed_s=float(arrays["elapsed_s"][0]),
            )
        except KeyError as error:
            raise EngineError(f"this is no ledger: {error.args[0]} is missing") from None

    def _rows(self, owner: str, group: str, sums: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
        return [
            {"owner": owner, "group": group, "phase": phase, **{name: float(sums[name][p]) for name in QUANTITIES}}
            for p, phase in enumerate(self.phases)
            if any(sums[name][p] for name in QUANTITIES)
        ]

    def _link_rows(self) -> list[dict[str, Any]]:
        rows = []
        for number, link in enumerate(self.link_names):
            for way, direction in enumerate(DIRECTIONS):
                time_s, energy_j, wire = (float(self.link_values[name][number, way]) for name in LINK_QUANTITIES)
                row = dict.fromkeys(QUANTITIES, 0.0)
                row |= {"time_s": time_s, "energy_j": energy_j, f"bytes_{direction}": wire}
                rows.append({"owner": f"link:{link}", "group": "", "phase": direction, **row})
        return rows


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
