"""The form in which an experiment is designed: every field of the spec, parts saved or described on the spot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from engine.core.errors import EngineError, Problem, SpecError
from engine.specs.describe import describe
from engine.specs.presets import presets
from engine.specs.writer import write
from engine.task.contract import tasks
from webapp.datafree.fitting import verdicts
from webapp.experiments import services
from webapp.inference.planner import told
from webapp.inference.planner_panel import assignment_of, kept
from webapp.library.families import FAMILIES, spec_description
from webapp.library.services import body_for
from webapp.library.suggestions import suggester
from webapp.specforms.form import FIRST_KINDS, SpecForm
from webapp.specforms.node import Choice
from webapp.specforms.root import Root
from webapp.specforms.sweep import Sweep
from webapp.teams.models import Team
from webapp.trained.models import Content
from webapp.trained.usage import collected_with, model_by_id

PART_FAMILIES = {family.noun: family.plural for family in FAMILIES.values()}
MOST_SAVED = 200
FIRST_KIND = FIRST_KINDS["task"]
KINDS = {
    "federated": (
        "Train together",
        "Federated learning: devices train one model, each on its own data. What does it reach, and what does it cost?",
    ),
    "datafree": (
        "Make small without data",
        "A trained model is too large, its data private: synthesize images, distill, prune, quantize, see what fits.",
    ),
}
"""Kinds of tasks in the words of what people want to do; others stand with their own."""
_QUANTITIES = ("time_s", "energy_j", "bytes_up", "bytes_down")
_BOUNDS = ("low", "expected", "high")


@dataclass(frozen=True)
class KindCard:
    """A kind of experiment to begin with.

    Attributes:
        kind: of the task.
        title, words: for people.
        is_chosen: whether the form shows it.
    """

    kind: str
    title: str
    words: str
    is_chosen: bool


def kind_cards(form: SpecForm) -> list[KindCard]:
    """The kinds of experiments, with the one that the form shows."""
    chosen = form.raw.get("task@kind", "") or FIRST_KIND
    found = []
    for kind, member in tasks.members().items():
        described = describe(member)
        title, words = KINDS.get(kind, (described.title, described.summary))
        found.append(KindCard(kind, title, words, kind == chosen))
    return sorted(found, key=lambda card: card.kind != FIRST_KIND)


def roots(team: Team) -> tuple[Root, ...]:
    """The fields of the spec in the order of the page."""
    spec = spec_description()
    found = []
    for field in spec.fields:
        if field.name == "version":
            continue
        if field.name in PART_FAMILIES:
            found.append(Root(field, saved=_saved(team, PART_FAMILIES[field.name])))
        elif field.name == "sweep":
            found.append(Root(field, own_shape=Sweep(field, spec)))
        else:
            found.append(Root(field))
    return tuple(found)


def blank(team: Team, query: QueryDict, preset: str = "") -> SpecForm:
    """A form to begin with; parts that the address names are chosen already.

    Args:
        team: whose saved parts it offers.
        query: parts by noun, each the id of a saved one.
        preset: name of one whose task is shown; it gets a small data set where it names none.
    """
    tree: dict[str, Any] = {}
    for noun, plural in PART_FAMILIES.items():
        chosen = query.get(noun, "")
        newest = FAMILIES[plural].model.objects.of(team).values_list("pk", flat=True).first()
        if chosen or newest:
            tree[noun] = {"saved": chosen or str(newest)}
    if preset:
        tree["task"] = {"dataset": {"kind": "digits"}, **presets()[preset].task}
    elif query.get("kind", "") in tasks.members() or "task" not in tree:
        tree["task"] = _first_task(team, query)
    form = SpecForm.of_tree(roots(team), tree)
    if "fleet" not in tree:
        form.edit("add:fleet.groups")
    form.choose_kinds()
    return with_suggestions(form, team)


def _first_task(team: Team, query: QueryDict) -> dict[str, Any]:
    """The block of a task to begin with, of the kind that the address names, with the teacher and metadata that it
    names.
    """
    kind = query.get("kind", "")
    if kind not in tasks.members():
        return {"kind": FIRST_KIND}
    metadata = model_by_id(team, query.get("metadata", ""), Content.METADATA)
    teacher = model_by_id(team, query.get("teacher", "")) or (metadata and collected_with(metadata))
    parts: dict[str, Any] = {"dataset": teacher.dataset} if teacher and teacher.dataset else {}
    parts |= {
        name: {"kind": "artifact", "sha256": row.sha256}
        for name, row in (("teacher", teacher), ("metadata", metadata))
        if row is not None
    }
    return {"kind": kind, **parts}


def of_tree(team: Team, tree: dict[str, Any]) -> SpecForm:
    """A form that shows a document."""
    shown = {name: value for name, value in tree.items() if name != "version"}
    return with_suggestions(SpecForm.of_tree(roots(team), shown), team)


def of_post(team: Team, post: QueryDict) -> SpecForm:
    """The form as it was sent, with the change of structure that a button asked for."""
    form = SpecForm.of_post(roots(team), post)
    action = post.get("_edit", "")
    if action == "keep:plan":
        form = _with_plan(form, team, assignment_of(post))
    elif action.startswith("copy:"):
        _copy_in(form, team, action.removeprefix("copy:"))
    elif action:
        form.edit(action)
    return with_suggestions(form, team)


def text_of(form: SpecForm) -> str:
    """The document that the form says, for the one door.

    Raises:
        SpecError: its YAML is broken.
    """
    # In the twin the user's own text goes through the door, so that a problem names what stands there.
    return form.yaml if form.yaml is not None else write(form.tree())


def with_suggestions(form: SpecForm, team: Team) -> SpecForm:
    """The form, offering the names of its own groups where links are assigned."""
    form.suggest = suggester(team, _group_names(form, team))
    return form


def estimate(form: SpecForm, team: Team) -> dict[str, Any]:
    """What the form's experiment would cost, for the foot of the page; problems instead where it cannot be told yet."""
    try:
        found = services.estimate(text_of(form), team)
    except SpecError as error:
        return {"problems": error.problems}
    except EngineError as error:
        return {"problems": (Problem("", error.code, str(error)),)}
    return {**found, "totals": _totals(found), "verdicts": verdicts(found["cells"][0].get("fits", ()))}


def _totals(found: dict[str, Any]) -> dict[str, Any]:
    """Sums over all runs, each with its range; the share of recalled figures is that of the worst setting."""
    seeds = found["num_runs"] // max(1, found["num_cells"])
    estimates = found["cells"]
    sums = {
        name: {bound: seeds * sum(cell["totals"][name][bound] for cell in estimates) for bound in _BOUNDS}
        for name in _QUANTITIES
    }
    host_s = seeds * sum(cell["host_s"] for cell in estimates)
    return {**sums, "host_s": host_s, "share_recalled": max(cell["share_recalled"] for cell in estimates)}


def _saved(team: Team, family: str) -> list[Choice]:
    rows = FAMILIES[family].model.objects.of(team).values_list("pk", "name")[:MOST_SAVED]
    return [Choice(str(pk), name) for pk, name in rows]


def _copy_in(form: SpecForm, team: Team, noun: str) -> None:
    """Replace the choice of a saved part by its content, to be changed here."""
    if noun not in PART_FAMILIES:
        return
    saved = form.raw.pop(f"{noun}@saved", "")
    root = next(root for root in form.roots if root.field.name == noun)
    try:
        root.shape.encode(body_for(team, PART_FAMILIES[noun], saved), root.place, form.raw)
    except KeyError:
        form.notes = (f"That {noun} is no longer there.",)


def _with_plan(form: SpecForm, team: Team, assignment: Mapping[str, int]) -> SpecForm:
    """The form whose task carries out a plan by hand, in the twin that is shown."""
    try:
        tree = kept(form, team, assignment)
    except EngineError as error:
        form.refuse(told(error))
        return form
    found = SpecForm.of_tree(form.roots, tree)
    if form.yaml is not None:
        found.yaml = write(tree)
    return found


def _group_names(form: SpecForm, team: Team) -> list[str] | None:
    try:
        fleet = form.tree().get("fleet", {})
        if isinstance(fleet, dict) and "saved" in fleet:
            fleet = body_for(team, "fleets", str(fleet["saved"]))
    except (SpecError, KeyError):
        return None
    groups = fleet.get("groups", []) if isinstance(fleet, dict) else []
    return [str(group["name"]) for group in groups if isinstance(group, dict) and "name" in group]
