"""Saved parts of experiments."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from webapp.teams.access import TeamQuerySet
from webapp.teams.models import Team, User
from webapp.trash.managers import ShownManager


class Design(models.Model):
    """A named part of an experiment that a team keeps: the plain block as it stands in a spec file.

    An experiment takes over the block by value when it is made, so a later change here never changes an experiment.
    """

    family: ClassVar[str]
    """Plural name in addresses and in the API."""
    part: ClassVar[str]
    """The block of the spec that it fills."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="%(class)ss")
    name = models.CharField(max_length=120)
    body = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is in the trash.")
    trashed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        abstract = True
        ordering = ["-updated_at", "-id"]
        indexes = [models.Index(fields=["team", "-updated_at", "-id"])]

    def __str__(self) -> str:
        return self.name


class Fleet(Design):
    """A saved fleet: groups of devices."""

    family = "fleets"
    part = "fleet"

    objects = ShownManager["Fleet"]()
    everything = TeamQuerySet["Fleet"].as_manager()


class Network(Design):
    """A saved network: a topology and the links that its edges use."""

    family = "networks"
    part = "network"

    objects = ShownManager["Network"]()
    everything = TeamQuerySet["Network"].as_manager()


class Task(Design):
    """A saved task: a task block in which only the fields that matter are set; the rest is overlaid later."""

    family = "tasks"
    part = "task"

    objects = ShownManager["Task"]()
    everything = TeamQuerySet["Task"].as_manager()


class DesignVersion(models.Model):
    """A design as it was after one save. Versions are only ever added."""

    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    body = models.JSONField()
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.name}, version {self.number}"


class FleetVersion(DesignVersion):
    """A version of a saved fleet."""

    design = models.ForeignKey(Fleet, on_delete=models.CASCADE, related_name="versions")

    class Meta(DesignVersion.Meta):
        constraints = [models.UniqueConstraint(fields=["design", "number"], name="fleet_version_number")]


class NetworkVersion(DesignVersion):
    """A version of a saved network."""

    design = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="versions")

    class Meta(DesignVersion.Meta):
        constraints = [models.UniqueConstraint(fields=["design", "number"], name="network_version_number")]


class TaskVersion(DesignVersion):
    """A version of a saved task."""

    design = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="versions")

    class Meta(DesignVersion.Meta):
        constraints = [models.UniqueConstraint(fields=["design", "number"], name="task_version_number")]


DESIGNS: dict[str, type[Fleet] | type[Network] | type[Task]] = {cls.family: cls for cls in (Fleet, Network, Task)}
"""The kinds of designs by family name."""
