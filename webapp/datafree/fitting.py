"""What fits where before anything is trained: the models of a data-free task on the devices of a fleet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.datafree.expectation import deployed_fits
from engine.datafree.fleet.budget import BudgetRow, budgets
from engine.datafree.task import Datafree
from engine.fleet.fleet import Fleet
from engine.models.graph import Graph
from engine.models.profile import Profile, profile
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from webapp.catalogue.quantities import count


@dataclass(frozen=True)
class Cell:
    """A precision on a group's devices.

    Attributes:
        row: what is needed and there.
        places: what of it is too small, in words.
    """

    row: BudgetRow
    places: str


@dataclass(frozen=True)
class GroupFit:
    """A group's devices, at every precision."""

    group: str
    device: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class ModelFit:
    """A model with what it costs, and where it fits.

    Attributes:
        title: what it is in the task.
        kind: its architecture.
        profile: what it costs.
        groups: the fleet, group by group; empty without a fleet.
    """

    title: str
    kind: str
    profile: Profile
    groups: Sequence[GroupFit] = ()


def model_fit(title: str, kind: str, graph: Graph, fleet: Fleet | None) -> ModelFit:
    """A network as the designer shows it."""
    return ModelFit(title, kind, profile(graph), () if fleet is None else _groups(graph, fleet))


def _groups(graph: Graph, fleet: Fleet) -> list[GroupFit]:
    found: dict[str, list[Cell]] = {name: [] for name in fleet.names}
    devices: dict[str, str] = {}
    for row in budgets(graph, fleet):
        found[row.group].append(Cell(row, _places(row)))
        devices[row.group] = row.device
    return [GroupFit(name, devices[name], cells) for name, cells in found.items()]


def _places(row: BudgetRow) -> str:
    short = (("flash", row.excess_flash_bytes), ("memory", row.excess_ram_bytes))
    return " and ".join(word for word, missing in short if missing)


def fits_of(spec: ExperimentSpec) -> list[dict[str, Any]]:
    """Whether the model that a data-free experiment deploys fits, by group and precision; nothing for other tasks."""
    if not isinstance(spec.task, Datafree):
        return []
    return [row.as_json() for row in deployed_fits(spec.task, make_context(spec, spec.seeds[0]))]


def verdicts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """In a line for each group as what the model fits, the widest form first, or how much it lacks in its smallest."""
    words = []
    for group in dict.fromkeys(str(row["group"]) for row in rows):
        own = [row for row in rows if row["group"] == group]
        forms = [str(row["precision"]) for row in own if row["fits"]]
        if forms:
            words.append(f"{group}: fits as {', '.join(forms)}")
        else:
            least = min(own, key=lambda row: int(row["excess_bytes"]))
            words.append(f"{group}: {count(int(least['excess_bytes']))} bytes short even as {least['precision']}")
    return words
