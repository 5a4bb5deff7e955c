"""The API's own memory: answers to creates that carried an Idempotency-Key."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from webapp.teams.models import User

KEPT_FOR = timedelta(days=1)
"""How long an answer is remembered."""


class IdempotentAnswer(models.Model):
    """What a create answered, so that a repeated request gets the same answer and makes nothing twice."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200, help_text="Idempotency-Key as the client sent it.")
    request = models.CharField(max_length=64, help_text="SHA-256 of method, address, token and body.")
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        """A user has one answer per key."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return self.key
