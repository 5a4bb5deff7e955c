"""What differs between the pages of fleets, networks and tasks, as data."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from engine.core.errors import EngineError
from engine.datafree.metadata import metadata
from engine.datafree.teacher import teachers
from engine.specs.describe import Description, FieldDescription, describe
from engine.specs.experiment import ExperimentSpec
from webapp.library.models import DESIGNS, Fleet, Network, Task
from webapp.library.parts import fleet_of, fleet_sentence, link_sentence, network_of
from webapp.specforms.root import Root


@dataclass(frozen=True)
class Family:
    """A kind of saved design.

    Attributes:
        plural: its name in addresses and in the API.
        noun: one of them.
        sketch: name of the picture on the empty page.
        teaches: what an empty page says.
        sentence: a stored body in one line.
    """

    plural: str
    noun: str
    teaches: str
    sentence: Callable[[dict[str, object]], str]

    @property
    def model(self) -> type[Fleet] | type[Network] | type[Task]:
        """The table."""
        return DESIGNS[self.plural]

    @property
    def root(self) -> Root:
        """The field of the spec that it fills, for a form."""
        return Root(spec_description()[self.noun])


@cache
def spec_description() -> Description:
    """The whole spec as the platform asks for it, described once per process: without what only a run without a
    server may name.
    """
    return _for_web(describe(ExperimentSpec))


def _for_web(described: Description) -> Description:
    return replace(described, fields=tuple(map(_field_for_web, described.fields)))


def _field_for_web(field: FieldDescription) -> FieldDescription:
    options = field.options
    if field.family in (teachers.family, metadata.family):
        members = {**teachers.members()} if field.family == teachers.family else {**metadata.members()}
        options = tuple(one for one in options if not members[one.kind].is_headless_only)
    return replace(
        field,
        options=tuple(map(_for_web, options)),
        item=None if field.item is None else _field_for_web(field.item),
        variants=tuple(map(_field_for_web, field.variants)),
    )


def _task_sentence(body: dict[str, object]) -> str:
    parts = [str(body.get("kind", ""))]
    for name in ("strategy", "synthesizer", "model", "student", "dataset"):
        part = body.get(name)
        if isinstance(part, dict):
            parts.append(str(part.get("kind", "")))
    return ", ".join(filter(None, parts))


def _checked(sentence: Callable[[dict[str, object]], str]) -> Callable[[dict[str, object]], str]:
    def safe(body: dict[str, object]) -> str:
        # A body that was stored under an older schema still has its row in the list.
        try:
            return sentence(body)
        except (EngineError, ValueError, KeyError):
            return "stored under an older schema; open it to edit"

    return safe


FAMILIES = {
    family.plural: family
    for family in (
        Family(
            "fleets",
            "fleet",
            "A fleet says which devices take part: groups of equal ones, such as 60 boards and 40 phones. "
            "Speed, memory and power come from the catalogue, each figure with its source.",
            _checked(lambda body: fleet_sentence(fleet_of(body))),
        ),
        Family(
            "networks",
            "network",
            "A network says how devices reach the server: a topology, a link for each group, and a backhaul. "
            "Time, bytes and energy of every message follow from it.",
            _checked(lambda body: f"{network_of(body).topology.kind}; {link_sentence(network_of(body))}"),
        ),
        Family(
            "tasks",
            "task",
            "A task says what the devices do: data set and how it is spread, model, strategy, local training, rounds. "
            "Only what you set is kept; an experiment can change the rest.",
            _checked(_task_sentence),
        ),
    )
}
"""The three families by plural name."""
