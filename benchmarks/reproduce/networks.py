"""Tables of networks of students: beside what competes with them, and partitions compared over the same seeds."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from benchmarks.reproduce.study import Recorded, StudyCell
from benchmarks.reproduce.tables import mean_of, table
from engine.commands.output import si
from engine.runs.folder import RunFolder
from engine.runs.statistics import Comparison, compare

CONTENDERS = {
    "teacher": "teacher",
    "": "**NoNN: students of communities**",
    "partition_random": "students of random groups of filters",
    "partition_contiguous": "students of contiguous groups",
    "partition_spectral": "students of normalized cuts",
    "ensemble": "ensemble of whole small networks, distilled",
    "distilled": "one distilled student of the same total size",
    "distilled_split": "the same, cut by channels over the boards",
}
"""Rows of the comparison and their titles, in the order of the table."""

PARTITIONS = {"partition_random": "random", "partition_contiguous": "contiguous", "partition_spectral": "spectral"}


@dataclass(frozen=True)
class Contender:
    """What one inference asks of the devices of a plan.

    Attributes:
        memory_bytes: of the device that needs most.
        compute_s: time for which the busiest device computes.
        compute_j: joules of computing of the device that spends most on it; NaN where only all energy is known.
        energy_j: all joules of the device that spends most.
        latency_s: from the input to the answer.
    """

    memory_bytes: float
    compute_s: float
    compute_j: float
    energy_j: float
    latency_s: float

    @classmethod
    def of(cls, row: Mapping[str, float]) -> Self:
        """A row of a comparison, or what :func:`plan_of_run` keeps of a plan.

        One device alone only computes: all its time and energy go there.
        """
        alone = row["num_devices"] == 1
        return cls(
            memory_bytes=row["peak_memory_bytes"],
            compute_s=row["latency_s"] if alone else row.get("most_compute_s", float("nan")),
            compute_j=row["most_energy_j"] if alone else row.get("most_compute_j", float("nan")),
            energy_j=row["most_energy_j"],
            latency_s=row["latency_s"],
        )


def ratios(students: Contender, teacher: Contender, split: Contender) -> dict[str, float]:
    """How many times less students need than their teacher, and than a split network in time."""
    return {
        "memory": teacher.memory_bytes / students.memory_bytes,
        "compute": teacher.compute_s / students.compute_s,
        "total": teacher.latency_s / students.latency_s,
        "compute_energy": teacher.compute_j / students.compute_j,
        "energy": teacher.energy_j / students.energy_j,
        "split": split.latency_s / students.latency_s,
    }


def plan_of_run(cell: StudyCell, folder: RunFolder) -> Recorded:
    """What is kept of the plan of a run; nothing where nothing was divided."""
    plan = json.loads((folder.path / "artifacts" / "plan.json").read_bytes())
    return {"plan": figures_of(plan)} if len(plan["stages"]) > 1 else {}


def figures_of(plan: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a plan, as its file has them, under the names of a row of the comparison."""
    macs: Counter[int] = Counter()
    joules: dict[int, float] = defaultdict(float)
    for stage in plan["stages"]:
        macs[stage["device"]] += stage["macs"]
        joules[stage["device"]] += stage["energy_j"]
    return {
        "peak_memory_bytes": max(share["memory_bytes"] for share in plan["devices"]),
        "most_macs": max(macs.values()),
        "most_compute_s": max(share["busy_s"] for share in plan["devices"]),
        "most_compute_j": max(joules.values()),
        "most_energy_j": max(share["energy_j"] + share["waiting_j"] for share in plan["devices"]),
        "latency_s": plan["latency_s"],
        "message_bytes": sum(message["num_bytes"] for message in plan["messages"]),
        "num_devices": len(plan["devices"]),
    }


def beside(runs: Sequence[Recorded]) -> list[str]:
    """The table of everything that was trained in the same runs."""
    if not runs:
        return ["Nothing is recorded yet."]
    head = ["", "accuracy", "one lost", "memory", "MACs", "bytes", "energy per node", "latency"]
    rows = [_row(runs, name, title) for name, title in CONTENDERS.items() if not name or name in runs[0]["baselines"]]
    return [f"{len(runs)} seed{'s' * (len(runs) > 1)}.", "", *table(head, rows)]


def _row(runs: Sequence[Recorded], name: str, title: str) -> list[str]:
    found = runs[0]["baselines"][name] if name else runs[0]["plan"]
    prefix = f"{name.removesuffix('_split')}_" if name else ""
    return [
        title,
        mean_of(runs, f"{prefix}accuracy", 100),
        mean_of(runs, f"{prefix}accuracy_one_lost", 100),
        si(found["peak_memory_bytes"], "B"),
        si(found["most_macs"], ""),
        si(found["message_bytes"], "B") if found["message_bytes"] else "",
        si(found["most_energy_j"], "J"),
        si(found["latency_s"], "s"),
    ]


def partitions_table(groups: Sequence[tuple[str, Sequence[Recorded]]]) -> Iterator[str]:
    """Communities against every other partition, with all students and with one lost, and what that says."""
    rows, won = [], []
    for title, runs in groups:
        for name, other in PARTITIONS.items():
            if runs:
                whole, lost = _difference(runs, name, "accuracy"), _difference(runs, name, "accuracy_one_lost")
                rows.append([title, other, str(len(runs)), *_told(whole), *_told(lost)])
                won.append((_verdict(whole), _verdict(lost)))
    if not rows:
        yield "Nothing is recorded yet."
        return
    head = [
        "students",
        "communities against",
        "seeds",
        "points, all there",
        "p: t, flip",
        "points, one lost",
        "p: t, flip",
    ]
    yield from table(head, rows)
    for place, when in ((0, "With all students"), (1, "With one student lost")):
        counts = Counter(line[place] for line in won)
        told = ", ".join(f"{verdict} in {counts[verdict]}" for verdict in ("better", "worse", "not told apart"))
        yield ""
        yield f"{when}, by the 95 % interval of the {len(won)} comparisons communities are {told}."


def _difference(runs: Sequence[Recorded], name: str, metric: str) -> Comparison:
    mine = [100 * run["metrics"][metric] for run in runs]
    return compare(mine, [100 * run["metrics"][f"{name}_{metric}"] for run in runs])


def _told(found: Comparison) -> list[str]:
    value, interval = f"{found.difference.mean:+.2f}", found.difference.ci95
    if interval is None or found.p_t is None or found.p_sign_flip is None:
        return [value, ""]
    return [f"{value} ± {(interval[1] - interval[0]) / 2:.2f}", f"{found.p_t:.2g}, {found.p_sign_flip:.2g}"]


def _verdict(found: Comparison) -> str:
    """What the 95 % interval of the difference says."""
    low, high = found.difference.ci95 or (0.0, 0.0)
    if low > 0:
        return "better"
    return "worse" if high < 0 else "not told apart"
