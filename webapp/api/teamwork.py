"""The resources of working together: members, invitations, the trail, shared links, notes, versions of designs."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel

from webapp.api.parameters import Moment
from webapp.api.shapes import DETAIL, Column, Exact, Resource, Shape


class TeamBody(Exact):
    """What a team is made from."""

    name: str
    """What people call it."""


class TeamMember(Exact):
    """A person in a team."""

    id: int
    """Its place in the addresses of members."""
    email: str
    name: str
    """Full name; empty where none was given."""
    role: str
    """viewer, runner, editor or owner."""
    joined_at: datetime


class MemberBody(Exact):
    """What can be changed about a member."""

    role: str
    """viewer, runner, editor or owner."""


class Invitation(Resource):
    """A link by which people join a team, without its secret."""

    id: UUID
    role: str
    """What those who join by it become."""
    max_uses: int
    """How many people can join by it."""
    num_uses: int
    """How many did."""
    created_by: Annotated[str | None, Column("created_by__email")]
    """E-mail address of who made it; null once the account is gone."""
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    """Since when it is refused; null if it was not revoked."""


class InvitationBody(Exact):
    """What an invitation is made from."""

    role: str
    """viewer, runner, editor or owner."""
    expires_at: Moment
    """From when on nobody can join by it (RFC 3339)."""
    max_uses: int = 1
    """How many people can join by it."""


class NewInvitation(Invitation):
    """An invitation right after it was made."""

    url: str | None
    """The address to send, shown this once; null if the answer is repeated by an Idempotency-Key."""


class TrailEntry(Resource):
    """A line of a team's trail."""

    id: UUID
    actor: str
    """Address of who did it."""
    action: str
    """Family and verb, such as `fleet.edit`."""
    subject: str
    """What it was done to, as it was called then."""
    created_at: datetime


class Share(Resource):
    """A read-only link to one experiment, without its secret."""

    id: UUID
    team: Annotated[str, Column("team__slug")]
    """Slug of the team that owns it."""
    experiment: Annotated[UUID, Column("experiment_id")]
    experiment_name: Annotated[str, Column("experiment__name")]
    name: str
    """For whom or what it is; may be empty."""
    scope: str
    """summary, runs (and logs and the spec too) or artifacts (and files too)."""
    created_by: Annotated[str | None, Column("created_by__email")]
    """E-mail address of who made it; null once the account is gone."""
    created_at: datetime
    expires_at: datetime | None
    """Null if it never expires."""
    revoked_at: datetime | None
    """Since when it shows nothing; null if it was not revoked."""
    num_views: int
    """How often it was opened."""
    last_viewed_at: datetime | None


class ShareBody(Exact):
    """What a shared link is made from."""

    experiment: UUID
    """Id of the experiment that it shows."""
    scope: str = "summary"
    """summary, runs or artifacts; each shows what those before it do."""
    name: str = ""
    """For whom or what it is; only the team sees it."""
    expires_at: Moment | None = None
    """From when on it shows nothing (RFC 3339); never without."""


class NewShare(Share):
    """A shared link right after it was made."""

    url: str | None
    """The address to send, shown this once; null if the answer is repeated by an Idempotency-Key."""


class Note(Resource):
    """A note on a run."""

    id: UUID
    run: Annotated[UUID, Column("run_id")]
    text: str
    """Plain text."""
    author: Annotated[str | None, Column("author__email")]
    """E-mail address of who wrote it; null once the account is gone."""
    created_at: datetime
    edited_at: datetime | None
    """Null if it was never changed."""


class NoteBody(Exact):
    """What a note is made from."""

    text: str
    """Plain text."""


class DesignVersion(Resource):
    """A saved fleet, network or task as it was after one save."""

    number: int
    """Rises by one with every save."""
    name: str
    body: Annotated[dict[str, Any], DETAIL]
    """The block as it stood."""
    author: Annotated[str | None, Column("author__email")]
    """E-mail address of who saved it; null once the account is gone."""
    created_at: datetime


BODIES: tuple[type[BaseModel], ...] = (TeamBody, MemberBody, InvitationBody, ShareBody, NoteBody)
"""The bodies of this module, for the OpenAPI document."""

INVITATION = Shape(Invitation)
TRAIL = Shape(TrailEntry)
SHARE = Shape(Share)
NOTE = Shape(Note)
VERSION = Shape(DesignVersion)
