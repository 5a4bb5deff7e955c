"""Validation errors in words: what is wrong, what is allowed and what was given, at the path that the user wrote."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.core.errors import Problem
from engine.specs.forms import Form, form_of, form_of_field, kind_of_model

_TYPE_NAMES = {
    "number": "a number",
    "integer": "a whole number",
    "text": "text",
    "boolean": "true or false",
    "list": "a list",
    "mapping": "a mapping",
    "union": "a mapping with a kind",
    "object": "a mapping",
    "quantity": "a number",
    "any": "any value",
}
_RANGE_ERRORS = frozenset(
    {"out_of_range", "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of"}
)
_LENGTH_ERRORS = frozenset({"too_short", "too_long", "string_too_short", "string_too_long"})
_OUTER = frozenset({"wrong_type", "wrong_length"})
_SHAPE_ERRORS = frozenset({"model_type", "model_attributes_type", "dataclass_type", "union_tag_not_found"})


def problems_of(error: ValidationError, model: type[BaseModel], tree: Any) -> list[Problem]:
    """One problem for each thing that is wrong in the tree.

    Args:
        error: what pydantic found.
        model: the class that was validated.
        tree: the plain tree that was given.
    """
    problems: dict[tuple[str, str], Problem] = {}
    for details in error.errors(include_url=False):
        path = locate(details["loc"], tree, details["type"])
        problem = _problem(details, path, model, tree)
        problems.setdefault((problem.path, problem.code), problem)
    # A value that may have several shapes gives an error for each shape, and a list one about its length if an item
    # is wrong; the errors at what lies inside say all there is to say.
    return [
        problem for (path, code), problem in problems.items() if not (code in _OUTER and _has_inner(path, problems))
    ]


def locate(loc: Sequence[int | str], tree: Any, code: str) -> tuple[str, ...]:
    """The path that the user wrote: the error's place without the labels that pydantic adds for branches of a union."""
    steps: list[str] = []
    here, fresh = tree, True
    for number, item in enumerate(loc):
        last = number == len(loc) - 1
        if isinstance(here, dict):
            is_tag = fresh and number > 0 and item == here.get("kind")
            if not is_tag and (item in here or (last and code == "missing")):
                steps.append(str(item))
                here, fresh = here.get(str(item)), True
                continue
        elif isinstance(here, list) and isinstance(item, int) and item < len(here):
            steps.append(str(item))
            here, fresh = here[item], True
            continue
        fresh = False
    return tuple(steps)


def suggest(given: Any, allowed: Iterable[str]) -> str:
    """``did you mean 'x'? `` if something allowed looks like what was given, else nothing."""
    close = get_close_matches(str(given), list(allowed), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'? " if close else ""


def shown(value: Any) -> str:
    """A given value in a message, shortened."""
    return clipped(json.dumps(value, ensure_ascii=False, default=repr))


def clipped(text: str, most: int = 60) -> str:
    """As much of a text as a reader wants; users write what they like."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _has_inner(path: str, places: Iterable[tuple[str, str]]) -> bool:
    return any(other.startswith(f"{path}.") for other, _ in places)


def _problem(details: ErrorDetails, path: tuple[str, ...], model: type[BaseModel], tree: Any) -> Problem:
    code, context, value = details["type"], details.get("ctx", {}), details["input"]
    place = ".".join(path)
    form = form_at(model, tree, path)
    if code == "extra_forbidden":
        return Problem(place, "unknown_field", _unknown_field(path, model, tree))
    if code == "missing":
        return Problem(place, "missing", f"this field is required; {_allowed(form)}")
    if code in {"union_tag_invalid", "union_tag_not_found"} and isinstance(value, dict):
        return _kind_problem(place, form, value)
    if code in _RANGE_ERRORS:
        return Problem(place, "out_of_range", f"{_allowed(form) or details['msg']}; given {shown(value)}")
    if code in _LENGTH_ERRORS:
        return Problem(place, "wrong_length", f"{_length(form) or details['msg']}; given {_size(value)}")
    if code == "literal_error":
        expected = [str(choice) for choice in form.choices] if form and form.choices else []
        message = f"{suggest(value, expected)}{_allowed(form) or context.get('expected')}; given {shown(value)}"
        return Problem(place, "not_allowed", message)
    if code.endswith(("_type", "_parsing", "_from_float")) or code in _SHAPE_ERRORS:
        return Problem(place, "wrong_type", f"{_allowed(form) or details['msg']}; given {shown(value)}")
    if code in {"value_error", "assertion_error"}:
        return Problem(place, "invalid", details["msg"].partition(", ")[2])
    said = "given" in details["msg"]  # a component's own messages may have it already
    return Problem(place, code, details["msg"] if said else f"{details['msg']}; given {shown(value)}")


def form_at(model: type[BaseModel], tree: Any, path: Sequence[str]) -> Form | None:
    """The shape of value that belongs at a path, as far as the tree tells which members were chosen on the way."""
    form: Form | None = Form("object", models=(model,))
    here = tree
    for step in path:
        form = _step(form, here, step) if form else None
        if isinstance(here, dict):
            here = here.get(step)
        elif isinstance(here, list):
            here = here[int(step)] if step.isdecimal() and int(step) < len(here) else None
        else:
            here = None
    return form


def _step(form: Form, value: Any, step: str) -> Form | None:
    if form.sort == "alternatives":
        wanted = {"list"} if isinstance(value, list) else {"object", "union", "mapping"}
        branches = [form_of(part) for part in form.parts]
        return next((_step(branch, value, step) for branch in branches if branch.sort in wanted), None)
    if form.sort in {"list", "mapping"} and form.parts:
        return form_of(form.parts[0])
    model = form.model_for(value)
    return form_of_field(model.model_fields[step]) if model and step in model.model_fields else None


def _unknown_field(path: tuple[str, ...], model: type[BaseModel], tree: Any) -> str:
    above = form_at(model, tree, path[:-1])
    here = tree
    for step in path[:-1]:
        here = here[int(step)] if isinstance(here, list) else here[step]
    owner = above.model_for(here) if above else None
    if above and above.sort == "alternatives":
        forms = [form_of(part) for part in above.parts]
        owner = next((found for form in forms if (found := form.model_for(here))), None)
    names = list(owner.model_fields) if owner else []
    allowed = f"; allowed here: {', '.join(names)}" if names else ""
    return f"there is no field '{clipped(path[-1])}'; {suggest(path[-1], names)}".rstrip("; ") + allowed


def _kind_problem(place: str, form: Form | None, value: dict[str, Any]) -> Problem:
    kinds = [kind for model in form.models if (kind := kind_of_model(model))] if form else []
    path = f"{place}.kind" if place else "kind"
    listed = f"allowed: {', '.join(kinds)}"
    if "kind" not in value:
        return Problem(path, "missing", f"the kind is missing; {listed}")
    title = form.registry.title.lower() if form and form.registry else "kind"
    message = f"there is no {title} {shown(value['kind'])}; {suggest(value['kind'], kinds)}{listed}"
    return Problem(path, "unknown_kind", message)


def _allowed(form: Form | None) -> str:
    if form is None:
        return ""
    if form.sort == "alternatives":
        return " or ".join(_allowed(form_of(part)) for part in form.parts)
    if form.sort == "reference":
        return f"the id of a {form.noun} of the catalogue or a {form.noun} of your own (a mapping) is allowed"
    if form.sort == "choice":
        return f"allowed: {', '.join(str(choice) for choice in form.choices)}"
    text = f"{_TYPE_NAMES[form.sort]}{' in ' + form.unit if form.unit else ''}{_range(form)} is allowed"
    return text.replace(" is allowed", " or null is allowed") if form.optional else text


def _range(form: Form) -> str:
    words = (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))
    limits = [f"{word} {form.bound(name)}" for name, word in words if form.bound(name) is not None]
    return f" of {' and '.join(limits)}" if limits else ""


def _length(form: Form | None) -> str:
    if form is None:
        return ""
    least, most = form.bound("min_length"), form.bound("max_length")
    unit = "characters" if form.sort == "text" else "entries"
    limits = [f"{word} {limit}" for word, limit in (("at least", least), ("at most", most)) if limit is not None]
    return f"{' and '.join(limits)} {unit} are allowed" if limits else ""


def _size(value: Any) -> str:
    return f"{len(value)}" if isinstance(value, str | list | dict | tuple) else shown(value)
