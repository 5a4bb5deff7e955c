"""Choosing what to compare: the experiments that fit a search, and what is chosen already."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q

from webapp.comparison.selection import Selection, ref_of
from webapp.experiments.models import Cell, Experiment, RunState
from webapp.teams.access import TeamQuerySet

MOST_FOUND = 30
MOST_CELLS = 48


@dataclass(frozen=True)
class Choice:
    """A cell that can be chosen."""

    ref: str
    label: str
    num_done: int
    num_runs: int
    is_chosen: bool


@dataclass(frozen=True)
class Offer:
    """An experiment with the cells that can be chosen."""

    experiment: Experiment
    choices: tuple[Choice, ...]
    num_cells: int


def offers(experiments: TeamQuerySet[Experiment], query: str, selection: Selection) -> list[Offer]:
    """The newest experiments whose name or settings contain the query; those that are chosen come first.

    Args:
        experiments: those that the reader may see.
        query: part of a name or of a cell's label; empty for all.
        selection: what is chosen.
    """
    chosen = [experiment.pk for experiment in selection.experiments]
    found = experiments.filter(pk__in=chosen)
    others = experiments.exclude(pk__in=chosen)
    if query:
        others = others.filter(Q(name__icontains=query) | Q(cells__label__icontains=query)).distinct()
    newest = others.order_by("-created_at", "-pk")[:MOST_FOUND]
    rows = [*found.order_by("-created_at", "-pk"), *newest]
    refs = {entry.ref for entry in selection.entries if not entry.is_part}
    choices: dict[UUID, list[Choice]] = {experiment.pk: [] for experiment in rows}
    cells = Cell.objects.filter(experiment__in=[experiment.pk for experiment in rows]).order_by("index")
    done = Count("runs", filter=Q(runs__state=RunState.DONE))
    for cell in cells.annotate(num_runs=Count("runs"), num_done=done):
        ref = ref_of(cell)
        choice = Choice(ref, cell.label or "All runs", cell.num_done, cell.num_runs, ref in refs)
        choices[cell.experiment_id].append(choice)
    return [_offer(experiment, choices[experiment.pk]) for experiment in rows]


def _offer(experiment: Experiment, choices: list[Choice]) -> Offer:
    shown = [choice for place, choice in enumerate(choices) if place < MOST_CELLS or choice.is_chosen]
    return Offer(experiment, tuple(shown), len(choices))
