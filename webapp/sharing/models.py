"""Shared links: who may look at which experiment without an account, and how far."""

import uuid

from django.db import models
from django.utils import timezone

from webapp.experiments.models import Experiment
from webapp.teams.models import Team, User
from webapp.trash.managers import ShownWithExperiment


class Scope(models.TextChoices):
    """How much a link shows; each shows what those before it do."""

    SUMMARY = "summary", "Summary: answer, figures and curves"
    RUNS = "runs", "With runs, logs and the spec"
    ARTIFACTS = "artifacts", "With the files that the runs made"


class Share(models.Model):
    """A read-only link to one experiment. Only the hash of its secret is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="shares")
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="shares")
    name = models.CharField(max_length=80, blank=True, help_text="For whom or what the link is.")
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.SUMMARY)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    num_views = models.PositiveIntegerField(default=0)
    last_viewed_at = models.DateTimeField(null=True, blank=True)

    objects = ShownWithExperiment["Share"]()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["team", "-created_at", "-id"])]

    def __str__(self) -> str:
        return self.name or f"link to {self.experiment}"

    @property
    def is_open(self) -> bool:
        """Whether the link still shows anything: not revoked and not expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    def shows(self, scope: str) -> bool:
        """Whether that scope is part of this link's."""
        places = Scope.values
        return places.index(self.scope) >= places.index(scope)
