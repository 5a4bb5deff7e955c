"""From text to stored experiments, and from drafts to queued runs."""

from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from engine.core.errors import Problem, SpecError
from engine.data.store import DataStore
from engine.specs.checks import check_data
from engine.specs.experiment import ExperimentSpec
from engine.specs.overlay import resolve_saved
from engine.specs.sweep import Cell as SpecCell
from engine.specs.text import by_value, canonical, cells, digest, load, parse
from webapp import broker
from webapp.datasets.usage import foreign_uploads
from webapp.experiments.engine_process import at_once
from webapp.experiments.expectations import expected_at_submit
from webapp.experiments.models import Artifact, Cell, EventBatch, Experiment, MetricChunk, Run, RunState
from webapp.experiments.states import move, queue_all
from webapp.library.services import body_for
from webapp.teams.access import at_least
from webapp.teams.models import Role, Team, User
from webapp.teams.trail import record
from webapp.texts import byte_limit
from webapp.trained.usage import foreign_models, headless_only

SEND_AT_ONCE = 50
"""Jobs that a request sends itself (about 10 ms each); the reaper sends the others."""

_COPIED = (
    "progress_done", "progress_total", "progress_unit", "sim_time_s", "host_time_s", "host_cpu_s", "result", "last_seq",
)  # fmt: skip


def parsed(team: Team, text: str | bytes) -> ExperimentSpec:
    """The spec of a text, with the team's saved parts taken over by value and all checks made.

    Whether there is a plan of a distributed inference is asked only as far as that is quick; else the run will say.

    Raises:
        SpecError: all problems of the first stage that has any.
    """
    saved = partial(body_for, team)
    if _may_name_a_file(text):
        # With saved parts in their places: half of what names a file may stand in one of them.
        refused = headless_only(resolve_saved(load(text, max_bytes=byte_limit(text)), saved))
        if refused:
            raise SpecError(refused)
    spec = parse(text, saved=saved, max_bytes=byte_limit(text), allowance=at_once())
    problems = [*foreign_uploads(spec, team), *foreign_models(spec, team)]
    if problems := problems or check_data(spec, DataStore.from_environment()):
        raise SpecError(problems)
    return spec


def _may_name_a_file(text: str | bytes) -> bool:
    """Whether the word ``file`` may stand in a spec, as it is, by an escape, in another encoding than UTF-8, or in a
    saved part.

    It spares most specs a second reading; what it lets through is read before anything looks at a path.
    """
    told = text if isinstance(text, str) else text.decode(errors="replace")
    return any(sign in told for sign in ("file", "saved", "\\", "\0", "\ufffd"))


def submit(
    team: Team, user: User, text: str | bytes, *, launch: bool = False, parent: Experiment | None = None
) -> Experiment:
    """Store an experiment with its cells and runs; nothing is stored if anything is wrong.

    Args:
        team: to whom it belongs.
        user: who makes it; needs the role runner.
        text: the spec, as YAML or JSON.
        launch: whether to launch it at once.
        parent: the experiment from which it was cloned.

    Raises:
        PermissionDenied: the user may not run in this team.
        SpecError: all problems of the first stage that has any.
    """
    require(user, team, Role.RUNNER)
    spec = parsed(team, text)
    text = stored_text(spec)
    grid = cells(spec)
    num_runs = len(grid) * len(spec.seeds)
    if num_runs > settings.MAX_RUNS_PER_EXPERIMENT:
        allowed = settings.MAX_RUNS_PER_EXPERIMENT
        message = f"{len(grid)} cells times {len(spec.seeds)} seeds are {num_runs} runs; at most {allowed} are allowed"
        raise SpecError([Problem("seeds", "too_many_runs", message)])
    # What takes time is done before the transaction: writers of SQLite wait for each other.
    expected = expected_at_submit(grid)
    drafts = [_cell(index, cell, expected[index]) for index, cell in enumerate(grid)]
    with transaction.atomic():
        experiment = Experiment.objects.create(team=team, name=spec.name, text=text, created_by=user, parent=parent)
        for draft in drafts:
            draft.experiment = experiment
        stored = Cell.objects.bulk_create(drafts)
        Run.objects.bulk_create(Run(team=team, cell=cell, seed=seed) for cell in stored for seed in spec.seeds)
        record(team, user, "experiment.create", experiment.name)
        if launch:
            launch_runs(experiment, user)
    return experiment


def stored_text(spec: ExperimentSpec) -> str:
    """The canonical text of a spec with everything by value, as it is stored.

    Raises:
        SpecError: it is too large: every page of the experiment and every worker has to read it.
    """
    text = canonical(spec)
    size, allowed = len(text.encode()), settings.SPEC_YAML_BYTES
    if size > allowed:
        message = f"written out with everything by value the spec has {size:,} bytes; at most {allowed:,} are allowed"
        raise SpecError([Problem("", "too_large", message)])
    return text


def _cell(index: int, cell: SpecCell, estimate: dict[str, Any] | None) -> Cell:
    return Cell(
        index=index,
        label=cell.label[:300],
        overrides=dict(cell.overrides),
        digest=digest(cell.spec),
        text=canonical(cell.spec),
        document=by_value(cell.spec).model_dump(mode="json", exclude={"sweep"}),
        estimate=estimate,
    )


def launch(experiment: Experiment, user: User, *, reuse: bool = True) -> None:
    """Queue all runs of an experiment that were not launched yet.

    Args:
        experiment: which one.
        user: who launches; needs the role runner.
        reuse: whether runs that the team has already made, with the same digest and seed, are taken over instead.

    Raises:
        PermissionDenied: the user may not run in this team.
    """
    require(user, experiment.team, Role.RUNNER)
    with transaction.atomic():
        launch_runs(experiment, user, reuse=reuse)


def launch_runs(experiment: Experiment, user: User, *, reuse: bool = True) -> None:
    """:func:`launch` without its checks, within a transaction."""
    drafts = Run.objects.filter(cell__experiment=experiment, state=RunState.DRAFT).select_related("cell")
    earlier = reusable(experiment) if reuse else {}
    fresh: list[Run] = []
    for run in drafts.order_by("seed", "cell__index"):  # all cells of the first seed first: a comparison shows early
        source = earlier.get((run.cell.digest, run.seed))
        if source is not None:
            take_over(run, source, user)
        else:
            fresh.append(run)
    queue_all(fresh, actor=user.email, reason="launched")
    send_all(fresh)
    record(experiment.team, user, "experiment.launch", experiment.name)
    if experiment.launched_at is None:
        experiment.launched_at = timezone.now()
        experiment.save(update_fields=["launched_at"])


def reusable(experiment: Experiment) -> dict[tuple[str, int], Run]:
    """Finished runs of the same team that equal runs of this experiment, by digest and seed: "already run"."""
    wanted = Run.objects.filter(cell__experiment=experiment, state=RunState.DRAFT).values_list("cell__digest", "seed")
    keys = set(wanted)
    done = Run.objects.of(experiment.team).filter(state=RunState.DONE, cell__digest__in={digest for digest, _ in keys})
    by_key = {(run.cell.digest, run.seed): run for run in done.select_related("cell").order_by("finished_at")}
    return {key: run for key, run in by_key.items() if key in keys}


def take_over(run: Run, source: Run, user: User) -> None:
    """Make a draft a copy of a finished run with the same digest and seed.

    Its log is copied, not linked, so that either can be deleted without the other.
    """
    for model in (EventBatch, MetricChunk, Artifact):
        copies = list(model.objects.filter(run=source))
        for row in copies:
            row.pk = model._meta.pk.get_default()  # none yet, or a new UUID
            row.run = run
        model.objects.bulk_create(copies)
    fields: dict[str, Any] = {name: getattr(source, name) for name in _COPIED}
    reason = f"taken over from run {source.pk}"
    move(
        run, RunState.DONE, actor=user.email, reason=reason, reused_from=source, started_at=source.started_at, **fields
    )


def send(run: Run) -> None:
    """Give the run's id to the broker once the transaction is through."""
    send_all([run])


def send_all(runs: Sequence[Run]) -> None:
    """Give the runs' ids to the broker once the transaction is through; of many, the reaper gives the rest."""

    def after_commit() -> None:
        sent = list(takewhile(lambda run_id: broker.send(broker.EXECUTE, str(run_id)), first))
        if sent:
            Run.objects.filter(pk__in=sent).update(sent_at=timezone.now())
        if len(sent) == len(first) < len(runs):
            broker.send(broker.SWEEP)

    first = [run.pk for run in runs[:SEND_AT_ONCE]]
    transaction.on_commit(after_commit)


def require(user: User, team: Team, role: str) -> None:
    """Go on only if the user's role in the team is that one or a higher one.

    Raises:
        PermissionDenied: it is not.
    """
    if not at_least(user, team, role):
        raise PermissionDenied(f"This needs the role {Role(role).label.lower()} in the team {team.name}.")
