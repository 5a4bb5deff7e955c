"""Who may open which page and socket: one row for every name of an address, walked as everybody.

Operations of the REST interface have their own table (``webapp/api/access.py``).
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["public", "share", "signed_in", "viewer", "runner", "editor", "owner"]


@dataclass(frozen=True)
class Row:
    """What an address needs.

    Attributes:
        level: the least role in the team; ``signed_in`` where no team is concerned, ``share`` what opens by the secret
            of a shared link alone, ``public`` what everybody opens.
        method: by which it is called; of pages with a form it is GET, as their POST passes the same check.
        names: names the object of a placeholder where it is not plain from the address.
        data: what is sent along, to be right in itself.
        only: the one person among those with the role who may, where an object is personal.
    """

    level: Level
    method: str = "GET"
    names: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    only: str = ""


def _designs(noun: str) -> dict[str, Row]:
    of = {"pk": noun}
    return {
        f"{noun}-list": Row("viewer"),
        f"{noun}-create": Row("editor"),
        f"{noun}-detail": Row("viewer", names=of),
        f"{noun}-update": Row("editor", names=of),
        f"{noun}-clone": Row("editor", "POST", of),
        f"{noun}-versions": Row("viewer", names=of),
        f"{noun}-version": Row("viewer", names=of),
        f"{noun}-restore": Row("editor", "POST", of),
        f"{noun}-delete": Row("editor", names=of),
    }


_EXPERIMENT, _RUN, _NOTE = {"pk": "experiment"}, {"pk": "run"}, {"pk": "note"}

PAGES: dict[str, Row] = {
    "home": Row("viewer"),
    "experiment-list": Row("viewer"),
    "experiment-create": Row("runner"),
    "experiment-estimate": Row("runner", "POST"),
    "experiment-preview": Row("runner", "POST"),
    "experiment-plan": Row("runner", "POST"),
    "experiment-winners": Row("runner", "POST"),
    "experiment-detail": Row("viewer", names=_EXPERIMENT),
    "experiment-series": Row("viewer", names=_EXPERIMENT),
    "experiment-ledgers": Row("viewer", names=_EXPERIMENT),
    "experiment-launch": Row("runner", "POST", _EXPERIMENT),
    "experiment-delete": Row("editor", names=_EXPERIMENT),
    "run-list": Row("viewer"),
    "run-detail": Row("viewer", names=_RUN),
    "run-cancel": Row("runner", "POST", _RUN),
    "run-pause": Row("runner", "POST", _RUN),
    "run-resume": Row("runner", "POST", _RUN),
    "run-costs": Row("viewer", names=_RUN),
    "run-what-if": Row("viewer", names=_RUN),
    "run-image": Row("viewer", names={**_RUN, "seq": "image-seq"}),
    "artifact-download": Row("viewer", names={"pk": "artifact"}),
    **_designs("fleet"),
    **_designs("network"),
    **_designs("task"),
    "network-draw-new": Row("editor"),
    "network-draw": Row("editor", names={"pk": "network"}),
    "network-import": Row("editor"),
    **{f"network-export-{written}": Row("viewer", names={"pk": "network"}) for written in ("graphml", "csv", "json")},
    "dataset-list": Row("viewer"),
    "dataset-create": Row("editor"),
    "builtin-detail": Row("viewer", names={"kind": "dataset-kind"}),
    "dataset-detail": Row("viewer", names={"pk": "upload"}),
    "dataset-update": Row("editor", names={"pk": "upload"}),
    "dataset-complete": Row("editor", "POST", {"pk": "upload"}),
    "dataset-delete": Row("editor", names={"pk": "upload"}),
    "model-list": Row("viewer"),
    "model-create": Row("editor"),
    "model-detail": Row("viewer", names={"pk": "model"}),
    "model-download": Row("viewer", names={"pk": "model"}),
    "model-delete": Row("editor", names={"pk": "model"}),
    "task-preview": Row("viewer", "POST"),
    "preview-fragment": Row("viewer", names={"digest": "preview"}),
    "preview-picture": Row("viewer", names={"digest": "preview", "number": "picture"}),
    "catalogue": Row("viewer"),
    "prediction": Row("viewer"),
    "simulator": Row("viewer"),
    "family-detail": Row("viewer"),
    "kind-detail": Row("viewer"),
    "sign-in": Row("public"),
    "team-choose": Row("viewer", "POST", data={"team": "team"}),
    "token-list": Row("viewer"),
    "token-revoke": Row("viewer", "POST", {"pk": "token"}, only="viewer"),
    "team-detail": Row("viewer"),
    "team-create": Row("signed_in"),
    "team-rename": Row("owner", "POST", data={"name": "Renamed"}),
    "member-role": Row("owner", "POST", {"pk": "member"}, {"role": "runner"}),
    "member-remove": Row("owner", names={"pk": "member"}),
    "invitation-list": Row("owner"),
    "invitation-revoke": Row("owner", "POST", {"pk": "invitation"}),
    "trail-list": Row("owner"),
    "join": Row("public", names={"secret": "invitation-secret"}),
    "experiment-shares": Row("editor", names=_EXPERIMENT),
    "share-list": Row("viewer"),
    "share-revoke": Row("editor", "POST", {"pk": "share"}),
    "shared-experiment": Row("share"),
    "shared-series": Row("share"),
    "shared-run": Row("share", names=_RUN),
    "shared-events": Row("share", names=_RUN),
    "shared-round": Row("share", names=_RUN),
    "shared-image": Row("share", names={**_RUN, "seq": "image-seq"}),
    "shared-artifact": Row("share", names={"pk": "artifact"}),
    "note-create": Row("runner", "POST", _RUN, {"text": "Seen"}),
    "note-update": Row("viewer", names=_NOTE),
    "note-delete": Row("viewer", names=_NOTE),
    "trash": Row("viewer"),
    "trash-restore": Row("editor", "POST", {"pk": "trashed"}),
    "trash-delete": Row("editor", names={"pk": "trashed"}),
    "healthz": Row("public"),
    "readyz": Row("public"),
    "system": Row("viewer"),
    "compare": Row("viewer"),
    "compare-pick": Row("viewer"),
    "compare-clients": Row("viewer", data={"runs": "run"}),
    "compare-export": Row("viewer", data={"cells": "experiment"}),
}
"""Every page by the name of its address; those of the accounts library (``account_…``) are not ours."""

SOCKETS: dict[str, Level] = {
    "ws/runs/<uuid:run_id>/": "viewer",
    "ws/shared/<str:secret>/runs/<uuid:run_id>/": "share",
}
"""Every socket by its address."""
