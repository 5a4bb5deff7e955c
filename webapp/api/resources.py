"""The resources of the API: what each answers with, field by field."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from webapp.api import lookups
from webapp.api.parameters import Moment
from webapp.api.shapes import DETAIL, Attached, Column, Derived, Exact, Resource, Shape
from webapp.experiments.models import RunState

Json = dict[str, Any]


class Design(Resource):
    """A saved fleet, network or task."""

    id: UUID
    """Name it in a spec as `{saved: <id>}`."""
    team: Annotated[str, Column("team__slug")]
    """Slug of the team that owns it."""
    name: str
    """What people call it."""
    body: Annotated[Json, DETAIL]
    """The block as it stands in a spec file."""
    version: int
    """Rises with every edit; the ETag holds it."""
    created_by: Annotated[str | None, Column("created_by__email")]
    """E-mail address of who made it; null once the account is gone."""
    created_at: datetime
    updated_at: datetime


class DesignBody(Exact):
    """What a fleet, network or task is made from."""

    name: str
    """What people call it; unique within the family and team is not asked for."""
    body: Json
    """The block as it stands in a spec file."""


class RunCounts(Exact):
    """How many runs are in each state."""

    draft: int = 0
    queued: int = 0
    running: int = 0
    paused: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0


class CellRun(Exact):
    """A run of a cell, in short."""

    id: UUID
    seed: int
    state: RunState


class Cell(Exact):
    """One point of an experiment's sweep."""

    index: int
    """Place in the sweep, from 0."""
    label: str
    """What sets it apart from the other cells; empty without a sweep."""
    overrides: Json
    """Value by dotted path of what the sweep sets here."""
    digest: str
    """Hash of all that determines the outcome but the seed."""
    runs: list[CellRun]


class Experiment(Resource):
    """An immutable description of runs to compare."""

    id: UUID
    team: Annotated[str, Column("team__slug")]
    """Slug of the team that owns it."""
    name: str
    parent: Annotated[UUID | None, Column("parent_id")]
    """The experiment that this one was cloned from."""
    created_by: Annotated[str | None, Column("created_by__email")]
    """E-mail address of who submitted it; null once the account is gone."""
    created_at: datetime
    launched_at: datetime | None
    """Null as long as it was not launched."""
    runs: Annotated[RunCounts, Attached(lookups.run_counts)]
    """How many runs are in each state."""
    spec: Annotated[Json, DETAIL, Derived(("text",), lookups.tree_of)]
    """The spec as plain data, saved parts resolved by value."""
    text: Annotated[str, DETAIL]
    """The canonical spec as YAML; `./edgeloom run` takes it as a file."""
    cells: Annotated[list[Cell], DETAIL, Attached(lookups.cells)]
    """The points of the sweep with their runs."""


class Progress(Exact):
    """How far a run has come."""

    done: int
    total: int
    """0 as long as it is not known."""
    unit: str
    """What is counted, such as `rounds`."""


class RunCell(Exact):
    """The cell that a run belongs to."""

    index: int
    label: str
    digest: str


class Transition(Exact):
    """A change of a run's state."""

    at: datetime
    from_state: str
    """Empty for the first."""
    to_state: RunState
    actor: str
    """Address of a user, name of a worker, or reaper."""
    reason: str


class Failure(Exact):
    """Why a run failed."""

    code: str
    message: str
    remedy: str
    """What can be done about it; empty if nothing is known."""
    log_tail: list[str]
    """The last lines of the worker's log."""


class Run(Resource):
    """One execution of a cell with one seed."""

    id: UUID
    team: Annotated[str, Column("team__slug")]
    """Slug of the team that owns it."""
    experiment: Annotated[UUID, Column("cell__experiment_id")]
    experiment_name: Annotated[str, Column("cell__experiment__name")]
    cell: Annotated[
        RunCell,
        Derived(
            ("cell__index", "cell__label", "cell__digest"),
            lambda index, label, digest: {"index": index, "label": label, "digest": digest},
        ),
    ]
    seed: int
    state: RunState
    wanted: str
    """What a user asked for and the worker has not done yet: `cancel`, `pause` or nothing."""
    attempt: int
    """How many workers have begun with it."""
    progress: Annotated[
        Progress,
        Derived(
            ("progress_done", "progress_total", "progress_unit"),
            lambda done, total, unit: {"done": done, "total": total, "unit": unit},
        ),
    ]
    """How far it has come."""
    sim_time_s: float | None
    """Simulated time so far, in seconds."""
    host_time_s: float
    """Work of this machine so far, in seconds, over all attempts."""
    host_cpu_s: float | None
    """CPU seconds of this machine, of the attempts that came to an end; null before."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    last_seq: int
    """Number of the last event."""
    request_id: str
    """Id of the request that launched or resumed it, as it stands in the log; empty for older runs."""
    reused_from: Annotated[UUID | None, Column("reused_from_id")]
    """The earlier run of the same digest and seed whose result this one took over."""
    failure: Annotated[Failure | None, DETAIL, Derived(("failure",), lookups.public_failure)]
    """Null unless it failed."""
    result: Annotated[Json | None, DETAIL]
    """Metrics and costs at the end; null before."""
    estimate: Annotated[Json | None, DETAIL, Column("cell__estimate")]
    """What was expected before the run began, as `POST /estimates` answers it; null for older runs."""
    transitions: Annotated[list[Transition], DETAIL, Attached(lookups.transitions)]
    """Every change of state with its reason."""


class Artifact(Resource):
    """A file that a run made."""

    sha256: str
    """Hash of its bytes, and its address below `/artifacts/`."""
    run: Annotated[UUID, Column("run_id")]
    name: str
    media_type: str
    size_bytes: int
    created_at: datetime


class Event(Exact):
    """One entry of a run's log."""

    seq: int
    """Place in the log, from 1, without gaps."""
    kind: str
    at: datetime | None
    """Host time at which it was stored."""
    sim_time_s: float | None
    """Simulated time at which it happened, in seconds."""
    body: Json


class EventPage(Exact):
    """Events of a run's log in order."""

    items: list[Event]
    last_seq: int
    """Number of the last stored event; ask again with `after` of the last item until it is reached."""
    state: RunState


class Token(Resource):
    """A bearer token, without its secret."""

    id: UUID
    team: Annotated[str, Column("team__slug")]
    """Slug of the only team that it reaches."""
    name: str
    prefix: str
    """First characters of the secret, to tell tokens apart."""
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    """Null if it never expires."""
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None
    """Since when it is refused; null if it was not revoked."""


class Team(Exact):
    """A team that you are in."""

    slug: str
    name: str
    role: str
    """Your role in it: viewer, runner, editor or owner."""


class TokenBody(Exact):
    """What a token is made from."""

    name: str
    """What it is for."""
    scopes: list[str]
    """What it may do: read, run, write, admin; at most what your role, and the token you ask with, allow."""
    team: str | None = None
    """Slug of the only team that it reaches; the token's or session's team without."""
    expires_at: Moment | None = None
    """From when on it is refused (RFC 3339); never without. A token made with a token ends no later than that one."""


class NewToken(Token):
    """A token right after it was made."""

    secret: str | None
    """The token itself, shown this once; null if the answer is repeated by an Idempotency-Key."""


class Family(Exact):
    """A family of components or a catalogue of figures."""

    family: str
    title: str
    """What one member is called."""
    kinds: list[str]


class Member(Exact):
    """A member of a family, in short."""

    kind: str
    title: str
    summary: str
    source: str
    """Paper, data sheet or standard."""


class FamilyMembers(Exact):
    """A family with its members."""

    family: str
    title: str
    members: list[Member]


class CatalogueEntry(Exact):
    """A component that can stand in a spec, or a device or link of the catalogue."""

    family: str
    kind: str
    title: str
    summary: str
    details: str
    source: str
    """Paper, data sheet or standard."""
    equation: str = ""
    """What a component computes, in one line of mathematics; empty where it has none, and for a device or link."""
    fields: list[Json]
    """Each field with its path, type, limits, unit, default and help."""
    json_schema: Json | None
    """JSON schema of a component; null for a device or link."""
    values: Json | None
    """Figures of a device or link, each with unit, provenance and source; null for a component."""


DESIGN = Shape(Design)
EXPERIMENT = Shape(Experiment)
RUN = Shape(Run)
ARTIFACT = Shape(Artifact)
TOKEN = Shape(Token)
