"""What can be done with saved fleets, networks and tasks."""

import json
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from pydantic import ValidationError as Mismatch

from engine.core.component import Component
from engine.core.errors import EngineError, Problem, SpecError
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec
from engine.specs.documents import clean
from engine.specs.experiment import ExperimentSpec
from engine.specs.messages import problems_of, shown
from engine.task.contract import Task as TaskSpec
from webapp.library.models import DESIGNS, Fleet, Network, Task
from webapp.library.versions import keep_version
from webapp.teams.access import at_least
from webapp.teams.models import Role, Team, User
from webapp.teams.trail import record
from webapp.trained.usage import headless_only

PARTS: dict[str, type[Component]] = {"fleets": FleetSpec, "networks": NetworkSpec, "tasks": TaskSpec}
MAX_NAME = 120


class VersionConflict(EngineError):
    """Somebody changed the design since it was read."""

    code = "version_conflict"


def part_of(family: str) -> type[Component]:
    """The engine's class of one design of a family; for tasks the base, whose members the registry ``tasks`` has."""
    return PARTS[family]


def create(family: str, team: Team, user: User, name: str, body: Any) -> Fleet | Network | Task:
    """Keep a part of experiments under a name.

    Args:
        family: ``fleets``, ``networks`` or ``tasks``.
        team: to whom it belongs.
        user: who makes it; needs the role editor.
        name: what people call it.
        body: the plain block; of a task only the fields that matter.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: all that is wrong with name and body.
    """
    _require_editor(user, team)
    plain = checked(family, name, body)
    with transaction.atomic():
        design = DESIGNS[family].objects.create(team=team, name=name.strip(), body=plain, created_by=user)
        keep_version(design, user)
        record(team, user, f"{design.part}.create", design.name)
    return design


def replace(
    design: Fleet | Network | Task, user: User, name: str, body: Any, *, expected_version: int | None = None
) -> Fleet | Network | Task:
    """Give a design a new name and body; its version rises by one.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: all that is wrong with name and body.
        VersionConflict: its version is not the expected one (any more).
    """
    _require_editor(user, design.team)
    plain = checked(design.family, name, body)
    same = type(design).objects.filter(pk=design.pk)
    if expected_version is not None:
        same = same.filter(version=expected_version)
    with transaction.atomic():
        if same.update(name=name.strip(), body=plain, version=F("version") + 1, updated_at=timezone.now()) == 0:
            raise VersionConflict(
                f"{design.name} was changed by somebody else",
                remedy="Read it again and repeat your change on what it is now.",
            )
        design.refresh_from_db()
        keep_version(design, user)
        record(design.team, user, f"{design.part}.edit", f"{design.name}, version {design.version}")
    return design


def clone(design: Fleet | Network | Task, user: User) -> Fleet | Network | Task:
    """A new design like this one, named as its copy.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: the design was stored under an older schema and is not valid any more.
    """
    name = f"Copy of {design.name}"[:MAX_NAME]
    return create(design.family, design.team, user, name, design.body)


def restore(
    design: Fleet | Network | Task, number: int, user: User, *, expected_version: int | None = None
) -> Fleet | Network | Task:
    """Make an old version the newest one: its name and body are saved again, and nothing in between is lost.

    Raises:
        PermissionDenied: the user is no editor of the team.
        KeyError: there is no version of that number.
        SpecError: the version was stored under an older schema and is not valid any more.
        VersionConflict: the design is not at the expected version (any more).
    """
    old = design.versions.filter(number=number).first()
    if old is None:
        raise KeyError(number)
    return replace(design, user, old.name, old.body, expected_version=expected_version)


def remove(design: Fleet | Network | Task, user: User) -> None:
    """Put a design into the trash; experiments made with it keep their copy.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    _require_editor(user, design.team)
    with transaction.atomic():
        type(design).objects.filter(pk=design.pk).update(trashed_at=timezone.now(), trashed_by=user)
        record(design.team, user, f"{design.part}.delete", design.name)


def put_back(design: Fleet | Network | Task, user: User) -> None:
    """Take a design out of the trash.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    _require_editor(user, design.team)
    with transaction.atomic():
        type(design).everything.filter(pk=design.pk).update(trashed_at=None, trashed_by=None)
        record(design.team, user, f"{design.part}.put_back", design.name)


def purge(design: Fleet | Network | Task, user: User | None) -> None:
    """Delete a design for good, with its versions.

    Args:
        design: one that is in the trash.
        user: who does it; None for the platform itself, when its time in the trash is over.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    if user is not None:
        _require_editor(user, design.team)
    with transaction.atomic():
        record(design.team, user, f"{design.part}.purge", design.name)
        design.delete()


def body_for(team: Team, family: str, identifier: str) -> dict[str, Any]:
    """The body of a team's design, for specs that name it as ``{saved: id}``.

    Raises:
        KeyError: the team has none with that id.
    """
    try:
        design = DESIGNS[family].objects.of(team).get(pk=identifier)
    except (ValueError, ValidationError, DESIGNS[family].DoesNotExist) as error:
        raise KeyError(identifier) from error
    body: dict[str, Any] = design.body
    return body


def checked(family: str, name: str, body: Any) -> dict[str, Any]:
    """The plain body, if it is right.

    Raises:
        SpecError: all that is wrong with name and body; paths lead into the body, or read ``name``.
    """
    problems = []
    if not 1 <= len(name.strip()) <= MAX_NAME or "\0" in name:
        problems.append(Problem("name", "wrong_length", f"a name has 1 to {MAX_NAME} characters; given {shown(name)}"))
    try:
        body = clean(body)
        problems += _body_problems(family, body)
    except SpecError as error:
        problems += error.problems
    if problems:
        raise SpecError(problems)
    plain: dict[str, Any] = body
    return plain


def _body_problems(family: str, body: Any) -> list[Problem]:
    part = DESIGNS[family].part
    if not isinstance(body, dict):
        return [Problem("", "wrong_type", f"a {part} is a mapping of fields; given {shown(body)}")]
    tree = {part: body}
    try:
        ExperimentSpec.model_validate_json(json.dumps(tree), strict=True)
    except Mismatch as error:
        found = problems_of(error, ExperimentSpec, tree)
    else:
        found = []
    inside = [problem for problem in found if f"{problem.path}.".startswith(f"{part}.")]
    if family == "tasks":
        # A saved task is laid under what an experiment adds, so it may leave required fields open, but not its kind.
        inside = [entry for entry in inside if entry.code != "missing" or entry.path == f"{part}.kind"]
    if family == "networks" and not inside:
        return NetworkSpec.model_validate_json(json.dumps(body), strict=True).flaws()
    inner = [Problem(entry.path[len(part) + 1 :], entry.code, entry.message) for entry in inside]
    return [*inner, *headless_only(body)]


def _require_editor(user: User, team: Team) -> None:
    if not at_least(user, team, Role.EDITOR):
        raise PermissionDenied("This needs the role editor in the team.")
