"""What there is to see of an experiment that is being designed: its data on its own fleet, its model, its memory."""

from functools import partial
from typing import Any

from engine.core.errors import EngineError, Problem, SpecError
from engine.fleet.fleet import Fleet
from engine.specs.overlay import resolve_saved
from webapp.library.fitting import fit
from webapp.library.parts import fleet_of
from webapp.library.services import body_for, checked
from webapp.previews.kinds import own_panels
from webapp.previews.panels import panels
from webapp.previews.parts import MOST_DEVICES
from webapp.specforms.form import SpecForm
from webapp.teams.models import Team


def preview(form: SpecForm, team: Team) -> dict[str, Any]:
    """The panels beside the form, as it stands; of a part that is wrong, its problems.

    Saved parts count with what is laid over them. What varies in a sweep is shown as it stands outside of it.
    """
    try:
        tree = form.tree()
        task = _part(tree, "task", team)
    except SpecError as error:
        return {"problems": error.problems}
    context: dict[str, Any] = {"of_experiment": True, "varies": bool(tree.get("sweep"))}
    if own_panels(task) is not None:
        return _own(tree, task, team) | context
    try:
        fleet = _fleet(tree, team)
    except SpecError as error:
        seen = panels(team, task, "", "")
        seen.pop("class_map", None)
        return {**seen, **context, "problems": [*error.problems, *seen["problems"]]}
    num_devices = fleet.num_devices
    seen = panels(team, task, str(num_devices), str(_first_seed(tree)))
    table = seen.get("table")
    memory = fit(fleet, table.profile, table.batch_size, table.copies) if table else None
    return {**seen, **context, "fit": memory, "fleet_devices": num_devices, "is_cut": num_devices > MOST_DEVICES}


def _own(tree: dict[str, Any], task: dict[str, Any], team: Team) -> dict[str, Any]:
    """The panels of a task that spreads no data over devices, with their memory as far as there is a fleet."""
    panels_of = own_panels(task)
    assert panels_of is not None, "asked before"
    try:
        return panels_of(team, task, _fleet(tree, team))
    except SpecError as error:
        seen = panels_of(team, task, None)
        return {**seen, "problems": [*error.problems, *seen["problems"]]}


def _fleet(tree: dict[str, Any], team: Team) -> Fleet:
    """The fleet that the experiment names or describes.

    Raises:
        SpecError: all that is wrong with it.
    """
    if not tree.get("fleet"):
        raise SpecError([Problem("fleet", "missing", "choose a fleet or describe one")])
    body = _part(tree, "fleet", team)
    try:
        return fleet_of(checked("fleets", "fleet", body)).resolve()
    except SpecError as error:
        placed = [Problem(f"fleet.{one.path}".rstrip("."), one.code, one.message) for one in error.problems]
        raise SpecError(placed) from error
    except EngineError as error:
        raise SpecError([Problem("fleet", error.code, str(error))]) from error


def _part(tree: dict[str, Any], name: str, team: Team) -> dict[str, Any]:
    found = resolve_saved({name: tree.get(name)}, partial(body_for, team))[name]
    return found if isinstance(found, dict) else {}


def _first_seed(tree: dict[str, Any]) -> int:
    """The seed of the first run; where seeds are not written out yet, that of the default."""
    seeds = tree.get("seeds")
    first = seeds[0] if isinstance(seeds, list) and seeds else 0
    return first if isinstance(first, int) and not isinstance(first, bool) else 0
