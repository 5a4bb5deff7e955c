"""Who may do what over REST: one row for each operation, read by the gate that enforces it and by its tests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scope = Literal["read", "run", "write", "admin"]
Level = Literal["public", "signed_in", "viewer", "runner", "editor", "owner"]

MOUNT = "api/v1/"
"""Where the API lives below the platform's root."""

SCOPES: tuple[Scope, ...] = ("read", "run", "write", "admin")
"""What a token can be good for; the scopes of a token do not include one another."""

SCOPE_HELP: Mapping[Scope, str] = {
    "read": "read everything of the team",
    "run": "submit experiments; launch, cancel, pause and resume their runs; write notes",
    "write": "create and edit fleets, networks and tasks; delete them and experiments, restore them; share",
    "admin": "make and revoke tokens; manage teams, members and invitations",
}

ROLE_SCOPES: Mapping[str, frozenset[Scope]] = {
    "viewer": frozenset({"read"}),
    "runner": frozenset({"read", "run"}),
    "editor": frozenset({"read", "run", "write"}),
    "owner": frozenset(SCOPES),
}
"""The scopes that a member of a team can put into a token: never more than the role allows."""


@dataclass(frozen=True)
class Rule:
    """What an operation needs.

    Attributes:
        level: the least role in the team of the object; ``signed_in`` where no object of a team is concerned.
        scope: what a bearer token must hold; None only for public operations.
    """

    level: Level
    scope: Scope | None


PUBLIC = Rule("public", None)
SIGNED_IN = Rule("signed_in", "read")
READ = Rule("viewer", "read")
RUN = Rule("runner", "run")
WRITE = Rule("editor", "write")
NOTE = Rule("runner", "run")
TOKENS = Rule("signed_in", "admin")
LEAVE = Rule("viewer", "admin")
MANAGE = Rule("owner", "admin")

ACCESS: Mapping[tuple[str, str], Rule] = {
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    **{
        key: rule
        for family in ("fleets", "networks", "tasks")
        for key, rule in {
            ("GET", f"/{family}"): READ,
            ("POST", f"/{family}"): WRITE,
            ("GET", f"/{family}/{{design_id}}"): READ,
            ("PUT", f"/{family}/{{design_id}}"): WRITE,
            ("DELETE", f"/{family}/{{design_id}}"): WRITE,
            ("POST", f"/{family}/{{design_id}}/clone"): WRITE,
            ("GET", f"/{family}/{{design_id}}/versions"): READ,
            ("GET", f"/{family}/{{design_id}}/versions/{{number}}"): READ,
            ("POST", f"/{family}/{{design_id}}/versions/{{number}}/restore"): WRITE,
        }.items()
    },
    ("POST", "/networks/import"): WRITE,
    ("GET", "/networks/{design_id}/export"): READ,
    ("GET", "/experiments"): READ,
    ("POST", "/experiments"): RUN,
    ("GET", "/experiments/{experiment_id}"): READ,
    ("DELETE", "/experiments/{experiment_id}"): WRITE,
    ("POST", "/experiments/{experiment_id}/launch"): RUN,
    ("GET", "/experiments/{experiment_id}/result"): READ,
    ("GET", "/experiments/{experiment_id}/compare"): READ,
    ("GET", "/compare"): READ,
    ("GET", "/runs"): READ,
    ("GET", "/runs/{run_id}"): READ,
    ("POST", "/runs/{run_id}/cancel"): RUN,
    ("POST", "/runs/{run_id}/pause"): RUN,
    ("POST", "/runs/{run_id}/resume"): RUN,
    ("POST", "/runs/{run_id}/recost"): READ,
    ("GET", "/runs/{run_id}/use"): READ,
    ("GET", "/runs/{run_id}/rounds/{number}"): READ,
    ("GET", "/runs/{run_id}/events"): READ,
    ("GET", "/runs/{run_id}/series"): READ,
    ("GET", "/runs/{run_id}/metrics"): READ,
    ("GET", "/runs/{run_id}/artifacts"): READ,
    ("GET", "/runs/{run_id}/notes"): READ,
    ("POST", "/runs/{run_id}/notes"): NOTE,
    ("GET", "/notes/{note_id}"): READ,
    ("PUT", "/notes/{note_id}"): NOTE,
    ("DELETE", "/notes/{note_id}"): NOTE,
    ("GET", "/shares"): READ,
    ("POST", "/shares"): WRITE,
    ("GET", "/shares/{share_id}"): READ,
    ("DELETE", "/shares/{share_id}"): WRITE,
    ("GET", "/datasets"): READ,
    ("POST", "/datasets"): WRITE,
    ("GET", "/datasets/{dataset_id}"): READ,
    ("PUT", "/datasets/{dataset_id}"): WRITE,
    ("PUT", "/datasets/{dataset_id}/parts/{number}"): WRITE,
    ("POST", "/datasets/{dataset_id}/complete"): WRITE,
    ("GET", "/datasets/{dataset_id}/samples"): READ,
    ("DELETE", "/datasets/{dataset_id}"): WRITE,
    ("GET", "/models"): READ,
    ("POST", "/models"): WRITE,
    ("GET", "/models/{model_id}"): READ,
    ("PUT", "/models/{model_id}/parts/{number}"): WRITE,
    ("POST", "/models/{model_id}/complete"): WRITE,
    ("GET", "/models/{model_id}/file"): READ,
    ("DELETE", "/models/{model_id}"): WRITE,
    ("GET", "/tasks/{task_id}/preview"): READ,
    ("POST", "/previews"): READ,
    ("GET", "/artifacts"): READ,
    ("GET", "/artifacts/{sha256}"): READ,
    ("GET", "/catalogue"): SIGNED_IN,
    ("GET", "/catalogue/{family}"): SIGNED_IN,
    ("GET", "/catalogue/{family}/{kind}"): SIGNED_IN,
    ("GET", "/schema"): SIGNED_IN,
    ("POST", "/estimates"): READ,
    ("POST", "/plans"): READ,
    ("GET", "/system"): SIGNED_IN,
    ("GET", "/system/estimates"): SIGNED_IN,
    ("GET", "/trash"): READ,
    ("POST", "/trash/{item_id}/restore"): WRITE,
    ("DELETE", "/trash/{item_id}"): WRITE,
    ("GET", "/tokens"): SIGNED_IN,
    ("POST", "/tokens"): TOKENS,
    ("DELETE", "/tokens/{token_id}"): TOKENS,
    ("GET", "/teams"): SIGNED_IN,
    ("POST", "/teams"): TOKENS,
    ("GET", "/teams/{team}"): READ,
    ("PUT", "/teams/{team}"): MANAGE,
    ("POST", "/teams/{team}/leave"): LEAVE,
    ("GET", "/teams/{team}/members"): READ,
    ("PUT", "/teams/{team}/members/{member_id}"): MANAGE,
    ("DELETE", "/teams/{team}/members/{member_id}"): MANAGE,
    ("GET", "/teams/{team}/invitations"): MANAGE,
    ("POST", "/teams/{team}/invitations"): MANAGE,
    ("DELETE", "/teams/{team}/invitations/{invitation_id}"): MANAGE,
    ("GET", "/teams/{team}/trail"): MANAGE,
}
"""The rule of every operation by method and path; an operation without a row does not answer."""


_PLACEHOLDER = re.compile(r"<\w+:(\w+)>")


def rule_of(method: str, route: str) -> Rule:
    """The rule of a request.

    Args:
        method: HTTP method; HEAD counts as GET.
        route: the matched route as Django writes it, ``api/v1/runs/<uuid:run_id>``.

    Raises:
        KeyError: the operation has no row, so nobody may call it.
    """
    path = "/" + _PLACEHOLDER.sub(r"{\1}", route.removeprefix(MOUNT))
    return ACCESS["GET" if method == "HEAD" else method, path]
