"""Trained models as rows: where each comes from, and what its file says of it."""

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone

from webapp.experiments.models import Artifact
from webapp.teams.access import TeamQuerySet
from webapp.teams.models import Team, User
from webapp.trash.managers import TeamManager


class ModelState(models.TextChoices):
    """Where a model is in its life; those of runs are ready from the start."""

    RECEIVING = "receiving", "Receiving"
    READY = "ready", "Ready"


class Content(models.TextChoices):
    """What a file holds."""

    MODEL = "model", "Model"
    METADATA = "metadata", "Metadata"


class ShownModels(TeamManager["TrainedModel"]):
    """Models that are not in the trash, neither by themselves nor with the run that made them."""

    def get_queryset(self) -> TeamQuerySet["TrainedModel"]:
        """The rows outside the trash."""
        rows = TeamQuerySet["TrainedModel"](self.model, using=self._db)
        return rows.filter(trashed_at__isnull=True, artifact__run__trashed_at__isnull=True)


class TrainedModel(models.Model):
    """A model with its weights, or metadata that its owner hands out instead of data.

    The file lies in the artifact store under its SHA-256 and says in its header what it is, whether a run made it or
    somebody uploaded it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="trained_models")
    name = models.CharField(max_length=300)
    artifact = models.OneToOneField(
        Artifact, on_delete=models.CASCADE, null=True, blank=True, related_name="trained_model",
        help_text="The file of the run that made it; none for an upload.",
    )  # fmt: skip
    state = models.CharField(max_length=10, choices=ModelState.choices, default=ModelState.RECEIVING)
    content = models.CharField(max_length=10, choices=Content.choices, default=Content.MODEL)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True, help_text="Of the file in the store.")
    size_bytes = models.PositiveBigIntegerField(help_text="Of the file in the store; until it is ready, of the upload.")
    sent_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file as it was uploaded.")
    model = models.JSONField(null=True, blank=True, help_text="Its architecture as a spec names it.")
    dataset = models.JSONField(null=True, blank=True, help_text="The data set whose samples it takes.")
    facts = models.JSONField(default=dict, help_text="What follows from its declaration: parameters, work, memory.")
    accuracy = models.FloatField(null=True, blank=True, help_text="On the test set, where it was measured.")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is in the trash.")
    trashed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = ShownModels()
    everything = TeamQuerySet["TrainedModel"].as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["team", "-created_at", "-id"])]

    def __str__(self) -> str:
        return self.name

    @property
    def is_upload(self) -> bool:
        """Whether somebody uploaded it."""
        return self.artifact_id is None

    @property
    def is_metadata(self) -> bool:
        """Whether it is what stands for data, not a model."""
        return self.content == Content.METADATA

    @property
    def architecture(self) -> str:
        """The kind of its architecture; of a graph that no member of the zoo declares, ``changed``."""
        return str((self.model or {}).get("kind", "")) or "changed"

    @property
    def trained_on(self) -> str:
        """The kind of its data set; empty where nobody said."""
        return str((self.dataset or {}).get("kind", ""))

    @property
    def file(self) -> Path:
        """Its file in the store."""
        return Path(settings.ARTIFACTS_FOLDER) / self.sha256
