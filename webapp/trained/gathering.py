"""The models that runs left: found among their files by the card in the header, and kept as rows."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from webapp.experiments.models import Artifact
from webapp.teams.access import TeamQuerySet
from webapp.trained.cards import card_of, columns_of
from webapp.trained.models import ModelState, TrainedModel

ENDING = ".safetensors"
NO_MODEL = ("trace.safetensors", "metadata.safetensors")
"""Files of that ending that every run or many runs have and that are never models."""


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
        card = card_of(artifact.sha256)
    except FileNotFoundError:
        return None
    if card is None:
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
        **columns_of(card),
    )


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
