"""What a link opens: the one place that decides it, asked by pages and sockets."""

from uuid import UUID

from webapp.experiments.models import Artifact, Run
from webapp.sharing.models import Scope, Share


def run_of(shared: Share, run_id: UUID) -> Run | None:
    """The run, if it is one of the experiment and the link shows runs."""
    if not shared.shows(Scope.RUNS):
        return None
    runs = Run.objects.filter(cell__experiment=shared.experiment_id)
    return runs.select_related("team", "cell__experiment").filter(pk=run_id).first()


def artifact_of(shared: Share, artifact_id: UUID) -> Artifact | None:
    """The file, if a run of the experiment made it and the link shows files."""
    if not shared.shows(Scope.ARTIFACTS):
        return None
    return Artifact.objects.filter(run__cell__experiment=shared.experiment_id, pk=artifact_id).first()
