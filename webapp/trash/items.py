"""What lies in the trash, whatever it is: experiments, saved designs, data sets and models as one list."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from webapp.datasets import services as datasets
from webapp.datasets.models import Upload
from webapp.experiments import services as experiments
from webapp.experiments.models import Experiment
from webapp.library import services as library
from webapp.library.models import DESIGNS, Fleet, Network, Task
from webapp.teams.access import TeamQuerySet
from webapp.teams.models import User
from webapp.trained import disposal as trained
from webapp.trained.models import TrainedModel

Item: TypeAlias = Experiment | Fleet | Network | Task | Upload | TrainedModel
Rows: TypeAlias = TeamQuerySet[Any]
Seen: TypeAlias = Callable[[Rows], Rows]
"""Leaves of a queryset what somebody may see."""

MODELS: dict[str, type[Item]] = {"experiments": Experiment, **DESIGNS, "datasets": Upload, "models": TrainedModel}
"""What can lie in the trash, by family."""


@dataclass(frozen=True)
class Entry:
    """One thing in the trash.

    Attributes:
        family: plural name, as in addresses.
        item: the row.
    """

    family: str
    item: Item

    @property
    def noun(self) -> str:
        """What one of its family is called in addresses."""
        return self.family.removesuffix("s")

    @property
    def title(self) -> str:
        """What one of its family is called by people."""
        return "data set" if self.family == "datasets" else self.noun

    @property
    def trashed_at(self) -> datetime:
        """When it was put here."""
        assert self.item.trashed_at is not None
        return self.item.trashed_at

    @property
    def purged_after(self) -> datetime:
        """When the platform deletes it for good."""
        return self.trashed_at + timedelta(days=settings.TRASH_DAYS)


def entries(seen: Seen, *, before: tuple[datetime, UUID] | None = None, limit: int) -> list[Entry]:
    """The newest entries of the trash, at most that many.

    Args:
        seen: whose trash.
        before: only entries that follow the one with this time and id.
        limit: how many.
    """
    found = []
    for family, model in MODELS.items():
        rows = seen(model.everything.filter(trashed_at__isnull=False)).select_related("team", "trashed_by")
        if before is not None:
            rows = rows.filter(Q(trashed_at__lt=before[0]) | Q(trashed_at=before[0], pk__lt=before[1]))
        found.append([Entry(family, row) for row in rows.order_by("-trashed_at", "-pk")[:limit]])
    merged = heapq.merge(*found, key=lambda entry: (entry.trashed_at, entry.item.pk), reverse=True)
    return list(merged)[:limit]


def find(seen: Seen, key: UUID) -> Entry | None:
    """The entry with that id; None if there is none that may be seen."""
    for family, model in MODELS.items():
        row = seen(model.everything.filter(trashed_at__isnull=False)).select_related("team").filter(pk=key).first()
        if row is not None:
            return Entry(family, row)
    return None


def overdue(now: datetime) -> list[Entry]:
    """What has been in the trash for longer than it is kept."""
    limit = now - timedelta(days=settings.TRASH_DAYS)
    return [
        Entry(family, row)
        for family, model in MODELS.items()
        for row in model.everything.filter(trashed_at__lt=limit).select_related("team")
    ]


def restore(entry: Entry, user: User) -> None:
    """Take it out of the trash.

    Raises:
        PermissionDenied: the user is no editor of its team.
    """
    match entry.item:
        case Experiment():
            experiments.restore(entry.item, user)
        case Upload():
            datasets.put_back(entry.item, user)
        case TrainedModel():
            trained.put_back(entry.item, user)
        case _:
            library.put_back(entry.item, user)


def purge(entry: Entry, user: User | None) -> None:
    """Delete it for good.

    Args:
        entry: what.
        user: who does it; None for the platform itself.

    Raises:
        PermissionDenied: the user is no editor of its team.
        Conflict: something else needs it, such as an experiment its data set.
    """
    match entry.item:
        case Experiment():
            experiments.purge(entry.item, user)
        case Upload():
            datasets.purge(entry.item, user)
        case TrainedModel():
            trained.purge(entry.item, user)
        case _:
            library.purge(entry.item, user)


def days_left(entry: Entry) -> int:
    """Full days until the platform deletes it for good."""
    return max(0, (entry.purged_after - timezone.now()).days)
