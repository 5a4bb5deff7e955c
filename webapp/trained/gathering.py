"""The models and metadata that runs left: found among their files by the header, and kept as rows."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef

from webapp.experiments.models import Artifact
from webapp.teams.access import TeamQuerySet
from webapp.trained.cards import card_of, columns_of, columns_of_head, head_of
from webapp.trained.models import ModelState, TrainedModel

ENDING = ".safetensors"
NO_MODEL = ("trace.safetensors",)
"""Files of that ending that every run has and that are never models."""


def gather(seen: TeamQuerySet[Artifact]) -> None:
    """Make rows of the models among these files that have none yet.

    Reading the header of a file takes microseconds, and which files are no models is remembered, so lists call this.
    """
    known = TrainedModel.everything.filter(artifact=OuterRef("pk"))
    files = seen.filter(~Exists(known), name__endswith=ENDING).exclude(name__in=NO_MODEL)
    rows = [row for row in map(_row, files.select_related("team", "run__cell__experiment")) if row is not None]
    # Two requests may find the same file at once.
    TrainedModel.everything.bulk_create(rows, ignore_conflicts=True)


def _row(artifact: Artifact) -> TrainedModel | None:
    try:
        columns = _columns(artifact.sha256)
    except FileNotFoundError:
        return None
    if columns is None:
        return None
    return TrainedModel(
        team=artifact.team,
        name=_name(artifact),
        artifact=artifact,
        state=ModelState.READY,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        created_by=artifact.run.cell.experiment.created_by,
        created_at=artifact.created_at,
        **columns,
    )


def _columns(sha256: str) -> dict[str, Any] | None:
    """What a file says of itself; None if it is neither a model nor metadata."""
    if (card := card_of(sha256)) is not None:
        return columns_of(card)
    head = head_of(sha256)
    return None if head is None else columns_of_head(head)


def _name(artifact: Artifact) -> str:
    """Experiment, setting, seed, and which of the run's models it is."""
    run = artifact.run
    label = f", {run.cell.label}" if run.cell.label else ""
    which = artifact.name.rsplit("/", 1)[-1].removesuffix(ENDING)
    return f"{run.cell.experiment.name}{label}, seed {run.seed}: {which}"[:300]


def unique(rows: Iterable[TrainedModel]) -> list[TrainedModel]:
    """Each file once: runs that were taken over have the same files."""
    found: dict[str, TrainedModel] = {}
    for row in rows:
        found.setdefault(row.sha256, row)
    return list(found.values())
