"""The fleet as a user describes it: groups of devices of one kind."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from engine.core.catalogue_file import Reference
from engine.core.component import Component
from engine.fleet.availabilities.always import Always
from engine.fleet.availability import Availability
from engine.fleet.availability import availability as kinds
from engine.fleet.battery import Battery
from engine.fleet.catalogue import builtin_devices, devices
from engine.fleet.device import Device
from engine.fleet.fleet import Fleet

MAX_DEVICES = 10_000_000
"""A fleet's greatest size; rounds of a million devices cost about a second."""

GroupName = Annotated[str, Field(max_length=40)]
"""A group that something else speaks of; a check says whether the fleet has it."""


class GroupSpec(Component):
    """Devices of one kind that connect in one way and come and go by one rule."""

    name: str = Field(default="boards", pattern="^[A-Za-z][A-Za-z0-9_-]{0,39}$")
    """Name of the group, by which the network assigns its links: letters, digits, dashes, underscores."""

    device: Annotated[str | Device, Reference("device", Device, devices)] = "rpi_4b_4gb"
    """A device of the catalogue by its id, or one of your own."""

    count: int = Field(default=10, ge=1, le=MAX_DEVICES)
    """How many devices the group has."""

    availability: Annotated[Availability, kinds.field()] = Always()
    """When the devices can take part."""

    speed_spread: float = Field(default=0.0, ge=0, le=2)
    """How much the speeds of the group's devices differ: the standard deviation of their logarithm. 0 makes all as fast
    as their kind; with 0.25 two thirds are between 0.78 and 1.28 times as fast."""

    battery: Battery | None = None
    """What the devices draw their energy from; if left out, they are on mains."""

    def resolved_device(self) -> Device:
        """The device itself, taken from the catalogue if it is named by id."""
        return devices()[self.device] if isinstance(self.device, str) else self.device


class FleetSpec(Component):
    """All devices of an experiment; device numbers run through the groups in order."""

    groups: tuple[GroupSpec, ...] = Field(default=(GroupSpec(),))
    """The groups, each with a name of its own."""

    @model_validator(mode="after")
    def _check(self) -> "FleetSpec":
        # Checked here, not by min_length: pydantic would report an empty tuple whenever a group has a problem of its
        # own.
        if not self.groups:
            raise PydanticCustomError("no_group", "A fleet needs at least one group; given: none")
        names = [group.name for group in self.groups]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PydanticCustomError(
                "duplicate_group",
                "Each group needs a name of its own; given twice: {names}",
                {"names": ", ".join(twice)},
            )
        if self.num_devices > MAX_DEVICES:
            raise PydanticCustomError(
                "too_many_devices",
                "A fleet has at most {most} devices; given: {given}",
                {"most": MAX_DEVICES, "given": self.num_devices},
            )
        return self

    @property
    def num_devices(self) -> int:
        """Number of devices of all groups."""
        return sum(group.count for group in self.groups)

    def group_counts(self) -> dict[str, int]:
        """Number of devices by group name, in order."""
        return {group.name: group.count for group in self.groups}

    def with_figures(self) -> "FleetSpec":
        """The same fleet with each catalogue id replaced by the device and its figures, so that it stands alone."""
        return self._with_figures(lambda _: True)

    def with_own_figures(self) -> "FleetSpec":
        """The same with only the ids replaced that name devices of this installation: other machines lack those."""
        return self._with_figures(lambda key: key not in builtin_devices())

    def _with_figures(self, wanted: Callable[[str], bool]) -> "FleetSpec":
        groups = tuple(
            group.model_copy(update={"device": group.resolved_device()})
            if isinstance(group.device, str) and wanted(group.device)
            else group
            for group in self.groups
        )
        return self.model_copy(update={"groups": groups})

    def resolve(self) -> Fleet:
        """The fleet as columns."""
        return Fleet(
            names=tuple(group.name for group in self.groups),
            kinds=tuple(group.resolved_device() for group in self.groups),
            counts=tuple(group.count for group in self.groups),
            rules=tuple(group.availability for group in self.groups),
            spreads=tuple(group.speed_spread for group in self.groups),
            cells=tuple(group.battery for group in self.groups),
        )
