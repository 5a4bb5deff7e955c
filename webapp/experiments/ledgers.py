"""Where time and energy of an experiment's settings went, by group and phase, over the seeds that are done."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from engine.runs.statistics import Spread, spread
from webapp.experiments import boards
from webapp.experiments.models import Artifact, Experiment, RunState
from webapp.recosting import terms

NAME = "ledger.csv"
MOST_BYTES = 4_000_000
"""A longer ledger is not read for a page; the page of its run has the sums."""

QUANTITIES = ("time_s", "energy_j", "recalled_time_s", "recalled_energy_j")

Sums = Mapping[tuple[str, str], Mapping[str, float]]
"""What a run spent, by group and phase."""


@dataclass(frozen=True)
class SettingBars:
    """A group of a setting: its bars, and how its totals vary over seeds.

    Attributes:
        bars: means over seeds, by phase.
        time: the total in seconds, over seeds.
        energy: the total in joules, over seeds.
        num_seeds: seeds that are done and whose ledger was read.
    """

    bars: terms.GroupBars
    time: Spread
    energy: Spread
    num_seeds: int

    @property
    def time_range(self) -> tuple[float, float]:
        """The least and the most time of a seed, in seconds."""
        return min(self.time.values), max(self.time.values)

    @property
    def energy_range(self) -> tuple[float, float]:
        """The least and the most energy of a seed, in joules."""
        return min(self.energy.values), max(self.energy.values)


def ledgers_of(experiment: Experiment) -> dict[str, Any]:
    """The context of the panel: bars of every setting and group on one scale, their table, and what is left out."""
    _, rows = boards.rows_of(experiment)
    done = [run for row in rows for run in row.runs if run is not None and run.state == RunState.DONE]
    stored = Artifact.objects.filter(run__in=done, name=NAME)
    files = dict(stored.filter(size_bytes__lte=MOST_BYTES).values_list("run", "path"))
    merged: list[dict[str, Any]] = []
    spreads: dict[str, tuple[Spread, Spread]] = {}
    for row in rows:
        runs = [sums_of(files[run.pk]) for run in row.runs if run is not None and run.pk in files]
        prefix = f"{row.label}: " if len(rows) > 1 else ""
        merged += _means(prefix, runs)
        spreads |= _totals(prefix, runs)
    sheet = {"groups": merged}
    return {
        "bars": [SettingBars(one, *spreads[one.group], len(spreads[one.group][0].values)) for one in _bars(sheet)],
        "terms": terms.terms_of(sheet),
        "legend": terms.legend_of(sheet),
        "num_left_out": stored.exclude(size_bytes__lte=MOST_BYTES).count(),
        "most_bytes": MOST_BYTES,
    }


@lru_cache(maxsize=512)
def sums_of(path: str) -> Sums:
    """A stored ledger summed over the devices of each group; links are left out, their energy is none of a group."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    with (Path(settings.ARTIFACTS_FOLDER) / path).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["owner"].startswith("link:"):
                continue
            into = found.setdefault((row["group"], row["phase"]), dict.fromkeys(QUANTITIES, 0.0))
            for name in QUANTITIES:
                into[name] += float(row.get(name) or 0.0)
    return found


def _bars(sheet: Mapping[str, Any]) -> list[terms.GroupBars]:
    return terms.bars_of(sheet) if sheet["groups"] else []


def _means(prefix: str, runs: Sequence[Sums]) -> Iterator[dict[str, Any]]:
    """One row per group and phase, over runs; a run without a phase spent nothing on it."""
    for group, phase in dict.fromkeys(key for sums in runs for key in sums):
        means = {name: sum(sums.get((group, phase), {}).get(name, 0.0) for sums in runs) for name in QUANTITIES}
        yield {
            "group": f"{prefix}{group}",
            "phase": phase,
            **{name: total / len(runs) for name, total in means.items()},
        }


def _totals(prefix: str, runs: Sequence[Sums]) -> dict[str, tuple[Spread, Spread]]:
    """Time and energy of each group over runs."""
    groups = dict.fromkeys(group for sums in runs for group, _ in sums)
    return {f"{prefix}{group}": (_total(runs, group, "time_s"), _total(runs, group, "energy_j")) for group in groups}


def _total(runs: Sequence[Sums], group: str, name: str) -> Spread:
    return spread([sum(part[name] for (own, _), part in sums.items() if own == group) for sums in runs])
