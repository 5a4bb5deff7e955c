"""Previews for pages and the API: what is there, what can be made at once, and what a worker has to make first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from engine.core.errors import EngineError
from engine.data.dataset import Dataset
from webapp import broker
from webapp.datasets.models import Upload, UploadState
from webapp.previews import cache, making
from webapp.previews.parts import read_part
from webapp.previews.wanted import Wanted
from webapp.teams.models import Team

RESEND_S = 15.0
"""A request that nobody has answered for this long is sent again."""
FAILURE_S = 20.0
"""How long a failure is shown before the same request tries again."""
MOST_TRIES = 2
"""Workers that may be lost over one preview."""
QUICK_SAMPLES = 100_000
QUICK_CLIENTS = 2_000
QUICK_OWN_CLIENTS = 100


@dataclass(frozen=True)
class Preview:
    """A preview, or where it stands.

    Attributes:
        digest: its name.
        kind: what it shows.
        data: plain data once it is made.
        failure: message and remedy if it cannot be made.
    """

    digest: str
    kind: str
    data: Mapping[str, Any] | None = None
    failure: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """``done``, ``failed`` or ``waiting``."""
        if self.data is not None:
            return "done"
        return "failed" if self.failure else "waiting"


def look(wanted: Wanted) -> Preview:
    """The preview, made now if that is quick, else by a worker; it may be waiting."""
    found = known(wanted)
    if found.state != "waiting":
        return found
    cache.write(wanted.digest, cache.REQUEST, wanted.as_json())
    if not settings.REDIS_URL or is_quick(wanted):
        make(wanted)
        return known(wanted)
    broker.send(broker.MAKE_PREVIEW, wanted.digest)
    return found


def again(digest: str) -> Preview | None:
    """A preview that was asked for before; None if nobody did. One that waits too long is sent once more."""
    request = cache.read(digest, cache.REQUEST)
    if request is None:
        return None
    wanted = Wanted.of_json(request[0])
    found = known(wanted)
    if found.state == "waiting" and request[1] > RESEND_S:
        cache.touch(digest)
        broker.send(broker.MAKE_PREVIEW, digest)
    return found


def known(wanted: Wanted) -> Preview:
    """What the cache has of it; an old failure counts as nothing."""
    digest = wanted.digest
    result = cache.read(digest, cache.RESULT)
    if result is None or ("failure" in result[0] and result[1] > FAILURE_S):
        return Preview(digest, wanted.kind)
    return Preview(digest, wanted.kind, result[0].get("data"), result[0].get("failure", {}))


def make(wanted: Wanted) -> None:
    """Make it and keep it, or keep why it cannot be made."""
    digest = wanted.digest
    try:
        data, pictures = making.make(wanted)
    except EngineError as error:
        note_failure(digest, {"message": str(error), "remedy": error.remedy})
        return
    for number, png in enumerate(pictures):
        cache.write_picture(digest, number, png)
    cache.write(digest, cache.RESULT, {"data": data})


def make_asked(digest: str) -> None:
    """Make a preview whose request lies in the cache; for workers."""
    request = cache.read(digest, cache.REQUEST)
    if request is None:
        return
    wanted = Wanted.of_json(request[0])
    if known(wanted).state == "done":
        return
    if cache.next_try(digest) > MOST_TRIES:
        remedy = "Most likely it takes more memory than there is: choose a smaller data set or fewer devices."
        note_failure(digest, {"message": "The worker was lost over this preview more than once.", "remedy": remedy})
        return
    make(wanted)
    cache.reset_tries(digest)
    cache.trim()


def note_failure(digest: str, failure: Mapping[str, Any]) -> None:
    """Keep why a preview cannot be made."""
    words = {name: str(failure.get(name, "")) for name in ("message", "remedy")}
    cache.write(digest, cache.RESULT, {"failure": words})


def may_see(wanted: Wanted, team_uploads: Callable[[str], bool]) -> bool:
    """Whether somebody may look at it, given which uploads they may use."""
    return all(team_uploads(sha256) for sha256 in wanted.uploads)


def uploads_of(team: Team) -> Callable[[str], bool]:
    """Tells whether a team has an upload."""

    def has(sha256: str) -> bool:
        return Upload.objects.of(team).filter(sha256=sha256, state=UploadState.READY).exists()

    return has


def is_quick(wanted: Wanted) -> bool:
    """Whether it surely takes less than a fifth of a second: decoded already, and not large."""
    if wanted.kind == "measures":
        return False
    dataset: Dataset = read_part("dataset", wanted.arguments["dataset"])
    if wanted.kind == "class_map":
        partition = read_part("partition", wanted.arguments["partition"])
        if partition.reads_own_clients(dataset) and dataset.num_natural_clients is not None:
            small = dataset.num_natural_clients <= QUICK_OWN_CLIENTS
        else:
            small = partition.num_shards(wanted.arguments["num_devices"]) <= QUICK_CLIENTS
        if not small:
            return False
    return dataset.is_decoded(making.offline_store()) and dataset.num_samples("train") <= QUICK_SAMPLES
