"""What is compared: cells of experiments, whole or only some of their runs, in the order of the address."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.db.models import Count, Q

from engine.core.errors import Problem, SpecError
from webapp.experiments.models import Cell, Experiment, Run, RunState
from webapp.teams.access import TeamQuerySet

MAX_ENTRIES = 24
"""Most settings of one comparison: more curves than this are not told apart."""

NUM_COLORS = 6

Key = tuple[UUID, int]
"""Experiment and place of the cell in its sweep."""


@dataclass(frozen=True)
class Entry:
    """One setting of a comparison with the runs that speak for it.

    Attributes:
        ref: its name in addresses, ``<experiment>.<place in the sweep>``.
        label: for people; different from every other label of the comparison.
        cell: the cell, with its experiment.
        runs: the chosen runs by rising seed.
        color: number of its series color, from 1.
        dash: number of its dash; together with the color it is its own.
        is_part: whether only some runs of the cell were chosen.
    """

    ref: str
    label: str
    cell: Cell
    runs: tuple[Run, ...]
    color: int
    dash: int
    is_part: bool

    @property
    def done(self) -> tuple[Run, ...]:
        """The runs that have a result."""
        return tuple(run for run in self.runs if run.state == RunState.DONE)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of all chosen runs."""
        return tuple(run.seed for run in self.runs)


@dataclass(frozen=True)
class Selection:
    """What an address asks to compare.

    Attributes:
        entries: what there is of it.
        missing: the parts of the address that lead nowhere: deleted, or of a team that the reader is not in.
        sizes: the number of cells of each experiment.
    """

    entries: tuple[Entry, ...]
    missing: tuple[str, ...]
    sizes: Mapping[UUID, int]

    def entry(self, ref: str) -> Entry | None:
        """The entry of that name; None if it is not compared here."""
        return next((entry for entry in self.entries if entry.ref == ref), None)

    @property
    def cells(self) -> str:
        """The whole cells, as the address names them: an experiment of which all are there by its id alone."""
        whole = [entry for entry in self.entries if not entry.is_part]
        names: list[str] = []
        for experiment, group in groupby(whole, key=lambda entry: entry.cell.experiment_id):
            refs = [entry.ref for entry in group]
            names += [str(experiment)] if refs == self._all(experiment) else refs
        return ",".join(names)

    def _all(self, experiment: UUID) -> list[str]:
        return [f"{experiment}.{place}" for place in range(self.sizes[experiment])]

    @property
    def runs(self) -> str:
        """The single runs, as the address names them."""
        return ",".join(str(run.pk) for entry in self.entries if entry.is_part for run in entry.runs)

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """The experiments that take part."""
        return tuple({entry.cell.experiment_id: entry.cell.experiment for entry in self.entries}.values())


def names_in(values: Iterable[str]) -> list[str]:
    """The names in values of a query parameter, which may be repeated and may hold several by commas."""
    return list(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))


def select(
    experiments: TeamQuerySet[Experiment],
    runs: TeamQuerySet[Run],
    cell_names: Sequence[str],
    run_names: Sequence[str],
) -> Selection:
    """Find what is to be compared.

    Args:
        experiments: those that the reader may see.
        runs: those that the reader may see.
        cell_names: experiments (all their cells) or single cells, ``<experiment>`` or ``<experiment>.<place>``.
        run_names: ids of single runs; runs of one cell stand together.

    Raises:
        SpecError: it is more than fits into one comparison.
    """
    missing: list[str] = []
    chosen = _chosen_cells(experiments, cell_names, missing)
    single = _chosen_runs(runs, run_names, missing)
    extra = {key: found for key, found in single.items() if key not in chosen}
    cells = chosen | {key: found[0].cell for key, found in extra.items()}
    if len(cells) > MAX_ENTRIES:
        message = f"at most {MAX_ENTRIES} settings fit into one comparison; given {len(cells)}"
        raise SpecError([Problem("cells", "too_many", message)])
    labels = _labels(list(cells.values()))
    entries = []
    for place, (key, cell) in enumerate(cells.items()):
        everything = sorted(cell.runs.all(), key=lambda run: run.seed)
        mine = sorted(extra[key], key=lambda run: run.seed) if key in extra else everything
        entries.append(
            Entry(
                ref=ref_of(cell),
                label=labels[place],
                cell=cell,
                runs=tuple(mine),
                color=place % NUM_COLORS + 1,
                dash=(place + place // NUM_COLORS) % NUM_COLORS + 1,
                is_part=key in extra and len(mine) < len(everything),
            )
        )
    ids = {cell.experiment_id for cell in cells.values()}
    sizes = Cell.objects.filter(experiment__in=ids).order_by().values_list("experiment").annotate(Count("pk"))
    return Selection(tuple(entries), tuple(missing), dict(sizes))


def ref_of(cell: Cell) -> str:
    """The name of a cell in addresses."""
    return f"{cell.experiment_id}.{cell.index}"


def _chosen_cells(experiments: TeamQuerySet[Experiment], names: Sequence[str], missing: list[str]) -> dict[Key, Cell]:
    keys = {name: key for name in names if (key := _key(name)) is not None}
    visible = experiments.filter(pk__in={experiment for experiment, _ in keys.values()}).values("pk")
    wanted = Q(pk__in=[])
    for experiment, place in keys.values():
        wanted |= Q(experiment=experiment) if place is None else Q(experiment=experiment, index=place)
    rows = Cell.objects.filter(wanted, experiment__in=visible).order_by("index")
    found = {
        (cell.experiment_id, cell.index): cell for cell in rows.select_related("experiment").prefetch_related("runs")
    }
    chosen: dict[Key, Cell] = {}
    for name in names:
        key = keys.get(name)
        own = {at: cell for at, cell in found.items() if key and at[0] == key[0] and key[1] in {None, at[1]}}
        if not own:
            missing.append(name)
        chosen.update(own)
    return chosen


def _chosen_runs(runs: TeamQuerySet[Run], names: Sequence[str], missing: list[str]) -> dict[Key, list[Run]]:
    ids = {name: _uuid(name) for name in names}
    rows = runs.filter(pk__in=[one for one in ids.values() if one is not None])
    found = {run.pk: run for run in rows.select_related("cell__experiment").prefetch_related("cell__runs")}
    by_cell: dict[Key, list[Run]] = {}
    for name, identifier in ids.items():
        run = found.get(identifier) if identifier else None
        if run is None:
            missing.append(name)
        else:
            by_cell.setdefault((run.cell.experiment_id, run.cell.index), []).append(run)
    return by_cell


def _key(name: str) -> tuple[UUID, int | None] | None:
    experiment, dot, place = name.partition(".")
    identifier = _uuid(experiment)
    if identifier is None or (dot and not (place.isascii() and place.isdigit() and len(place) < 10)):
        return None
    return identifier, int(place) if dot else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _labels(cells: Sequence[Cell]) -> list[str]:
    """The shortest label that tells each cell from all others: its own, with its experiment's name, with its id."""
    own = [cell.label or cell.experiment.name for cell in cells]
    named = [f"{cell.experiment.name}: {cell.label}" if cell.label else cell.experiment.name for cell in cells]
    short, long = (
        [f"{label} #{str(cell.experiment_id)[:size]}" for label, cell in zip(own, cells, strict=True)]
        for size in (4, 36)
    )
    return [
        next((kind[place] for kind in (own, named, short) if kind.count(kind[place]) == 1), long[place])
        for place in range(len(cells))
    ]


def states_of(entries: Iterable[Entry]) -> Mapping[str, int]:
    """Number of runs by state, in the order of states."""
    states = [run.state for entry in entries for run in entry.runs]
    return {state: states.count(state) for state in RunState.values if state in states}
