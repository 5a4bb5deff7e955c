"""Values that forms offer for text fields: names that the team already uses, and its uploads."""

from collections.abc import Sequence

from webapp.catalogue.quantities import count, text
from webapp.datasets.models import Upload, UploadState
from webapp.library.models import Fleet
from webapp.specforms.node import Choice, Suggest
from webapp.teams.models import Team
from webapp.trained.gathering import unique
from webapp.trained.models import Content, TrainedModel
from webapp.trained.usage import models_of

MOST_FLEETS = 50
MOST_UPLOADS = 100
MOST_MODELS = 200


def suggester(team: Team, groups: Sequence[str] | None = None) -> Suggest:
    """What to offer at a place.

    Args:
        team: whose fleets are looked at.
        groups: names of the groups that the form itself has; None if it has no fleet.
    """

    def suggest(path: str) -> Sequence[Choice]:
        if path.endswith("teacher.sha256"):
            return _models_of(team)
        if path.endswith("metadata.sha256"):
            return _metadata_of(team)
        if path.endswith(".sha256"):
            return _uploads_of(team)
        if path != "network.links@key":
            return ()
        names = groups_of(team) if groups is None else groups
        return [Choice(name, name) for name in dict.fromkeys([*names, "default"])]

    return suggest


def _uploads_of(team: Team) -> Sequence[Choice]:
    rows = Upload.objects.of(team).filter(state=UploadState.READY)[:MOST_UPLOADS]
    return [Choice(row.sha256, f"{row.name} ({row.kind})") for row in rows]


def _models_of(team: Team) -> Sequence[Choice]:
    """The team's models, each file once."""
    return [Choice(row.sha256, row.name, _about(row)) for row in unique(models_of(team))[:MOST_MODELS]]


def _metadata_of(team: Team) -> Sequence[Choice]:
    """What the team's runs handed out and what was uploaded, each file once."""
    rows = unique(models_of(team, Content.METADATA))[:MOST_MODELS]
    return [Choice(row.sha256, row.name, _about_metadata(row)) for row in rows]


def _about_metadata(row: TrainedModel) -> str:
    """Metadata in a line: how it was collected, size, guarantee, where it comes from."""
    made = "uploaded" if row.is_upload else "made by a run"
    epsilon = row.facts.get("epsilon")
    promise = "no formal guarantee" if epsilon is None else f"epsilon {text(epsilon)}"
    return f"{row.facts.get('kind')}, {text(row.size_bytes, 'B')}, {promise}, {made}"


def _about(row: TrainedModel) -> str:
    """A model in a line: architecture, data set, accuracy, size, where it comes from."""
    measured = "accuracy not measured" if row.accuracy is None else f"accuracy {text(row.accuracy, '%')}"
    made = "uploaded" if row.is_upload else "made by a run"
    trained_on = f" for {row.trained_on}" if row.trained_on else ""
    size = f"{count(row.facts.get('num_parameters'))} parameters, {text(row.size_bytes, 'B')}"
    return f"{row.architecture}{trained_on}, {measured}, {size}, {made}"


def groups_of(team: Team) -> list[str]:
    """Names of the groups of a team's fleets."""
    bodies = Fleet.objects.of(team).values_list("body", flat=True)[:MOST_FLEETS]
    groups = [group for body in bodies for group in body.get("groups", []) if isinstance(group, dict)]
    return sorted({str(group["name"]) for group in groups if "name" in group})
