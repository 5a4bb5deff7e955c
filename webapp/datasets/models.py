"""Uploaded data sets: what people say about a file, and what was found in it."""

import uuid

from django.db import models
from django.utils import timezone

from webapp.teams.access import TeamQuerySet
from webapp.teams.models import Team, User
from webapp.trash.managers import ShownManager


class UploadState(models.TextChoices):
    """Where an upload is in its life."""

    RECEIVING = "receiving", "Receiving"
    CHECKING = "checking", "Being looked through"
    READY = "ready", "Ready"
    REFUSED = "refused", "Refused"


class Upload(models.Model):
    """A data set of a team, read from one file.

    While parts arrive the file lies in the folder of uploads; a file that was looked through and found good lies in the
    artifact store under its SHA-256. A refused one has no file any more, only its problems until somebody read them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=40, help_text="Which data set of the engine reads it.")
    sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.PositiveBigIntegerField()
    license = models.CharField(max_length=200, blank=True)
    citation = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=UploadState.choices, default=UploadState.RECEIVING)
    problems = models.JSONField(default=list, help_text="Why it was refused.")
    info = models.JSONField(null=True, blank=True, help_text="What was found in it.")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When it was last given to a worker to look at.")

    version = models.PositiveIntegerField(default=1, help_text="Rises with every change of what people say about it.")
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is in the trash.")
    trashed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = ShownManager["Upload"]()
    everything = TeamQuerySet["Upload"].as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["team", "sha256", "kind"], name="upload_once")]
        indexes = [models.Index(fields=["team", "-created_at", "-id"])]

    def __str__(self) -> str:
        return self.name

    @property
    def spec(self) -> dict[str, str]:
        """How a task names it."""
        return {"kind": self.kind, "sha256": self.sha256}
