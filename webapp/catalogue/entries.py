"""The families, their kinds and the catalogues of figures, as the help pages show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.figure import Figure
from engine.specs.describe import Description, FieldDescription, describe
from engine.specs.families import CATALOGUES, FAMILIES
from engine.specs.presets import PRESETS, Preset, presets
from webapp.library.parts import title_of

CATALOGUE_TITLES = {"devices": "Device", "links": "Link"}


@dataclass(frozen=True)
class FamilyEntry:
    """A family or catalogue on the overview."""

    name: str
    title: str
    count: int
    summary: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class FieldRow:
    """A field of a kind, with how deep it is nested."""

    field: FieldDescription
    depth: int
    limits: str
    default: str


def families() -> list[FamilyEntry]:
    """All families of components, then the catalogues of figures, then the presets."""
    entries = [
        FamilyEntry(name, registry.title, len(registry.members()), _summary(registry.base), tuple(registry.members()))
        for name, registry in FAMILIES.items()
    ]
    for name, read in CATALOGUES.items():
        rows = read()
        first = next(iter(rows.values()))
        entries.append(
            FamilyEntry(name, CATALOGUE_TITLES.get(name, name), len(rows), _summary(type(first)), tuple(rows))
        )
    return [*entries, FamilyEntry(PRESETS, "Preset", len(presets()), _summary(Preset), tuple(presets()))]


def preset_rows() -> list[dict[str, str]]:
    """The presets as rows of the list of a family."""
    return [{"kind": one.name, "summary": one.summary, "source": one.source} for one in presets().values()]


def kinds_of(family: str) -> list[Description]:
    """The members of a family, described.

    Raises:
        KeyError: there is no such family.
    """
    return [describe(member) for member in FAMILIES[family].members().values()]


def entries_of(catalogue: str) -> Mapping[str, Any]:
    """The entries of a catalogue by id.

    Raises:
        KeyError: there is no such catalogue.
    """
    return CATALOGUES[catalogue]()


def columns_of(catalogue: str) -> list[tuple[str, str]]:
    """Name and title of the figures that most entries of a catalogue have."""
    rows = list(entries_of(catalogue).values())
    names = list(type(rows[0]).model_fields)
    known = {name: sum(isinstance(getattr(row, name), Figure) for row in rows) for name in names}
    wanted = [name for name in names if known[name] * 2 > len(rows)]
    return [(name, title_of(name)) for name in wanted]


def example_of(family: str, kind: str) -> str:
    """The line of a spec that chooses this kind."""
    homes = {
        "tasks": "task", "datasets": "task.dataset", "partitioners": "task.partition", "models": "task.model",
        "strategies": "task.strategy", "samplers": "task.sampler", "topologies": "network.topology",
        "availability": "fleet.groups.0.availability", "optimizers": "task.local.optimizer",
        "rate_schedules": "task.local.schedule", "aggregators": "task.aggregator", "schedulers": "task.scheduler",
        "coordination": "task.coordination", "encodings": "task.encoding.up", "mechanisms": "task.privacy",
        "attacks": "task.attack", "drifts": "task.drift",
    }  # fmt: skip
    home = homes.get(family)
    return f"--set '{home}={{kind: {kind}}}'" if home else ""


def _summary(cls: type) -> str:
    return " ".join((cls.__doc__ or "").partition("\n\n")[0].split())
