"""Weights that people upload: announced with their architecture, sent in parts, checked, and kept with a card."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from engine.core.errors import EngineError, Problem, SpecError
from engine.data.dataset import Dataset
from engine.datafree.owner import metadata_file
from engine.models.model import Model
from engine.models.model_file import ModelCard, pack, read_card, read_model
from engine.models.weights_file import HOW_TO_CONVERT, PICKLES, check_upload
from webapp.datasets import receiving
from webapp.datasets.models import Upload
from webapp.datasets.usage import foreign_upload, is_of
from webapp.experiments.files import keep
from webapp.experiments.states import Conflict
from webapp.experiments.submission import require
from webapp.previews.parts import read_part
from webapp.teams.models import Role, Team, User
from webapp.teams.trail import record
from webapp.trained.cards import columns_of, columns_of_head
from webapp.trained.models import ModelState, TrainedModel

MAX_NAME = 120
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Wish:
    """Weights that somebody is about to upload.

    Attributes:
        name: what people call the model.
        sha256: of the whole file.
        size_bytes: of the whole file.
        model: the architecture as a spec names it; None if the file has a card of its own.
        dataset: the data set whose samples it takes, likewise.
    """

    name: str
    sha256: str
    size_bytes: int
    model: Mapping[str, Any] | None = None
    dataset: Mapping[str, Any] | None = None


def announce(team: Team, user: User, wish: Wish) -> TrainedModel:
    """Begin an upload, or find the one that was begun with the same file and words.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: all that is wrong with what is announced.
    """
    require(user, team, Role.EDITOR)
    problems = [*wrong_words(team, wish), *(_wrong_size(wish) or _no_room(team, wish))]
    if problems:
        raise SpecError(problems)
    same = {
        "team": team, "artifact": None, "state": ModelState.RECEIVING, "sent_sha256": wish.sha256,
        "size_bytes": wish.size_bytes, "model": _tree(wish.model), "dataset": _tree(wish.dataset),
    }  # fmt: skip
    rows = TrainedModel.objects.filter(team=team, artifact=None, state=ModelState.RECEIVING, sent_sha256=wish.sha256)
    for row in rows:
        if (row.model, row.dataset) == (same["model"], same["dataset"]):
            return row
    return TrainedModel.objects.create(**same, name=wish.name.strip(), created_by=user)


def put_part(row: TrainedModel, user: User, number: int, data: bytes, sha256: str = "") -> None:
    """Take in a part.

    Raises:
        PermissionDenied: the user is no editor of the team.
        Conflict: the upload is complete already.
        SpecError: the part is not what it should be.
    """
    require(user, row.team, Role.EDITOR)
    if row.state != ModelState.RECEIVING:
        raise Conflict("this model takes no more parts: it is ready")
    receiving.write_part(row, number, data, sha256)


def complete(row: TrainedModel, user: User) -> TrainedModel:
    """Check the file once all parts are there and keep it with its card; asked again, the model as it is.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: parts are missing, or the file was refused; then nothing of it is kept.
    """
    require(user, row.team, Role.EDITOR)
    if row.state == ModelState.READY:
        return row
    missing = receiving.missing_parts(row)
    if missing:
        listed = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
        message = f"{len(missing)} of {receiving.num_parts(row)} parts are missing: {listed}"
        raise SpecError([Problem("parts", "missing_parts", message)])
    try:
        content, columns = _packed(row)
    except SpecError:
        _forget(row)
        raise
    sha256 = keep(content)
    with transaction.atomic():
        columns = {**columns, "state": ModelState.READY, "sha256": sha256, "size_bytes": len(content)}
        TrainedModel.objects.filter(pk=row.pk).update(**columns)
        record(row.team, user, "model.upload", row.name)
    receiving.discard(row)
    row.refresh_from_db()
    return row


def _forget(row: TrainedModel) -> None:
    receiving.discard(row)
    TrainedModel.everything.filter(pk=row.pk).delete()


def _packed(row: TrainedModel) -> tuple[bytes, dict[str, Any]]:
    """The file as it is kept, and what it says of itself, as columns.

    Raises:
        SpecError: all that is wrong with the file.
    """
    path = receiving.file_of(row)
    if receiving.checksum(path) != row.sent_sha256:
        message = "the file did not arrive as it was announced: its SHA-256 is another one"
        raise SpecError([Problem("sha256", "checksum_mismatch", message)])
    _refuse_pickles(path)
    if row.model is None:
        return _with_own_card(path)
    model: Model = read_part("model", row.model)
    dataset: Dataset = read_part("dataset", row.dataset)
    try:
        weights = check_upload(path, model, dataset.sample())
    except SpecError as error:
        # What is wrong with a tensor has the tensor's name for its place, which may be anything.
        placed = [Problem(f"file.{one.path}".rstrip("."), one.code, one.message) for one in error.problems]
        raise SpecError(placed) from error
    card = ModelCard(model.declare(dataset.sample()), row.model, row.dataset)
    return pack(weights, card), columns_of(card)


def _with_own_card(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The file of a model, or of metadata, that a platform like this one has written."""
    try:
        if metadata_file.is_one(path):
            file = metadata_file.unpack(path.read_bytes())
            return metadata_file.pack(file), columns_of_head(metadata_file.head_of(file))
        if read_card(path) is None:
            message = "the file does not say which network its weights belong to; choose its architecture and data set"
            raise SpecError([Problem("model", "missing", message)])
        card, weights = read_model(path)
    except SpecError:
        raise
    except EngineError as error:
        raise SpecError([Problem("file", error.code, str(error))]) from error
    return pack(weights, card), columns_of(card)


def pickle_problem() -> Problem:
    """What is said of a file of torch.save."""
    message = (
        f"files of torch.save hold a pickle, which can run code when it is read, so none is opened; {HOW_TO_CONVERT}"
    )
    return Problem("file", "pickle", message)


def _refuse_pickles(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(9)
    # The length that a safetensors file begins with may look like the mark of a pickle; a JSON text follows it.
    if start[8:] != b"{" and start.startswith(PICKLES):
        raise SpecError([pickle_problem()])


def wrong_words(team: Team, wish: Wish) -> list[Problem]:
    """What is wrong with a name, an architecture and a data set, each by itself and together."""
    name = wish.name.strip()
    problems = _wrong_parts(team, wish)
    if not 1 <= len(name) <= MAX_NAME or "\0" in name:
        message = f"the name has 1 to {MAX_NAME} characters; given: {len(name)}"
        problems.insert(0, Problem("name", "wrong_length", message))
    return problems


def _wrong_parts(team: Team, wish: Wish) -> list[Problem]:
    if (wish.model is None) != (wish.dataset is None):
        path, other = ("dataset", "architecture") if wish.dataset is None else ("model", "data set")
        message = f"name both or neither: the {other} is given, and a file without a card of its own needs both"
        return [Problem(path, "missing", message)]
    if wish.model is None:
        return []
    problems: list[Problem] = []
    parts: dict[str, Any] = {}
    for name, tree in (("model", wish.model), ("dataset", wish.dataset)):
        try:
            parts[name] = read_part(name, tree)
        except SpecError as error:
            problems += error.problems
    if problems:
        return problems
    dataset: Dataset = parts["dataset"]
    foreign = [foreign_upload("dataset.sha256", one, team) for one in dataset.uploads() if not is_of(team, one)]
    found = parts["model"].check(dataset.sample())
    return foreign or [Problem(f"model.{one.path}".rstrip("."), one.code, one.message) for one in found]


def _wrong_size(wish: Wish) -> list[Problem]:
    problems = []
    if not _SHA256.fullmatch(wish.sha256):
        message = "the checksum of the file is its SHA-256 as 64 lower-case hex digits"
        problems.append(Problem("sha256", "wrong_format", message))
    if not 1 <= wish.size_bytes <= settings.MODEL_FILE_BYTES:
        message = f"a file of weights has 1 to {settings.MODEL_FILE_BYTES:,} bytes; given: {wish.size_bytes:,}"
        problems.append(Problem("size_bytes", "too_large" if wish.size_bytes > 0 else "out_of_range", message))
    return problems


def _no_room(team: Team, wish: Wish) -> list[Problem]:
    tables = (Upload.everything.of(team), TrainedModel.everything.of(team).filter(artifact=None))
    sums: list[dict[str, Any]] = [table.aggregate(total=Sum("size_bytes")) for table in tables]
    held = sum(found["total"] or 0 for found in sums)
    if held + wish.size_bytes > settings.UPLOAD_TEAM_BYTES:
        message = (
            f"the uploads of a team have at most {settings.UPLOAD_TEAM_BYTES:,} bytes; there are {held:,}, and this "
            f"file has {wish.size_bytes:,}. Delete a data set or a model that you need no longer, then delete it for "
            "good in the trash"
        )
        return [Problem("size_bytes", "quota", message)]
    folder = Path(settings.UPLOADS_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < wish.size_bytes + settings.UPLOAD_RESERVE_BYTES:
        message = f"the platform's disk has {free:,} bytes left, too few for this file"
        return [Problem("size_bytes", "disk_full", message)]
    return []


def _tree(part: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if part is None else dict(part)
