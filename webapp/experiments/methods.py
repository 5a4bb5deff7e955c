"""What a run is made of, method by method, with the words and the source of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.component import Component
from engine.core.errors import EngineError
from engine.specs.describe import describe, title_of
from engine.specs.families import FAMILIES
from webapp.experiments.models import Run
from webapp.recosting.worlds import spec_of
from webapp.specforms.sweep import one_line

PLAIN = frozenset({"none", "server", "synchronous", "mean", "sgd", "constant"})
"""Kinds that say that nothing special is done; they are not worth a line."""

MOST_NAMED = 20
"""Malicious clients named in a sentence; the log names a thousand."""

LEFT_OUT = frozenset({"datasets", "models", "partitioners", "augmentations", "tasks", "teachers"})
"""Families whose members are no method of learning."""


@dataclass(frozen=True)
class Method:
    """One method of a run.

    Attributes:
        axis: what it decides, such as ``Strategy``.
        family: plural name of its family, for the address of its help page.
        kind: which member.
        title, summary, equation, source: as its help page says.
        settings: the values that were set or hold by default, in one line.
    """

    axis: str
    family: str
    kind: str
    title: str
    summary: str
    equation: str
    source: str
    settings: str


def methods_of(run: Run) -> list[Method]:
    """The methods of a run, in the order of the task's fields; none if it was made under an older schema."""
    try:
        task = spec_of(run.cell).task
    except EngineError:
        return []
    return list(_methods(task, ""))


def adversaries_of(attack: Mapping[str, Any] | None) -> str:
    """Who attacks a run, in a sentence; empty without an attack.

    Args:
        attack: what the run's first event says of it.
    """
    if not attack:
        return ""
    ids = attack["malicious"]
    named = ", ".join(map(str, ids[:MOST_NAMED]))
    more = f" and {attack['num_malicious'] - MOST_NAMED} more" if attack["num_malicious"] > MOST_NAMED else ""
    return f"{attack['num_malicious']} clients are malicious: {named}{more}."


def _methods(component: Component, prefix: str) -> Iterator[Method]:
    """Members of families among the fields, those of settings that hold some as well."""
    for name in type(component).model_fields:
        value = getattr(component, name)
        if not isinstance(value, Component):
            continue
        axis = f"{prefix} {title_of(name)}".strip()
        kind = getattr(value, "kind", "")
        family = _family_of(value, kind)
        if not family:
            yield from _methods(value, axis)
        elif family not in LEFT_OUT and kind not in PLAIN:
            about = describe(type(value))
            settings = value.model_dump(mode="json", exclude={"kind"}, exclude_none=True)
            yield Method(
                axis.capitalize(), family, kind, about.title, about.summary, about.equation,
                about.source, one_line(settings) if settings else "",
            )  # fmt: skip


def _family_of(value: Component, kind: str) -> str:
    return next((name for name, registry in FAMILIES.items() if registry.members().get(kind) is type(value)), "")
