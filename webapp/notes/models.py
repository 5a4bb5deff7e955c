"""Notes on runs."""

import uuid

from django.db import models
from django.utils import timezone

from webapp.experiments.models import Run
from webapp.teams.models import Team, User
from webapp.trash.managers import ShownWithRun


class Note(models.Model):
    """Plain text that a member wrote on a run."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="notes")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    edited_at = models.DateTimeField(null=True, blank=True)

    objects = ShownWithRun["Note"]()

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["run", "created_at"])]

    def __str__(self) -> str:
        return self.text[:60]
