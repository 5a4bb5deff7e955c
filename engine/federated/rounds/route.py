"""Which way a client's update takes to the server, from the settings of a task alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.federated.task import Federated

ROWS_BYTES = 1 << 30
"""Single updates that a round may keep at once at most, in bytes; more is a problem before the run starts."""


@dataclass(frozen=True)
class Route:
    """What happens to updates between local training and the server.

    Attributes:
        is_plain: nothing, so that a block simply sums them.
        keeps_rows: the server gets each by itself, not only their sum.
        trains_privately: local steps themselves are differentially private.
    """

    is_plain: bool
    keeps_rows: bool
    trains_privately: bool


def route_of(task: "Federated") -> Route:
    """The way of the updates of a task."""
    keeps_rows = not task.aggregator.is_linear or (task.attack is not None and task.attack.crafts)
    is_clipped = task.privacy is not None and task.privacy.clips_updates
    return Route(
        is_plain=task.encoding.plain_up and not (keeps_rows or is_clipped or task.secure_aggregation is not None),
        keeps_rows=keeps_rows,
        trains_privately=task.privacy is not None and task.privacy.trains_privately,
    )
