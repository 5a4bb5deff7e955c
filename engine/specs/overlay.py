"""Changing a plain tree: overlays of saved parts, ``--set path=value`` and the cells of a sweep, all by one rule.

Mappings merge recursively, a mapping whose ``kind`` changes replaces its predecessor whole, lists and scalars replace.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.core.errors import Problem, SpecError
from engine.specs.documents import load
from engine.specs.yaml import MAX_DEPTH

Saved = Callable[[str, str], Mapping[str, Any]]
"""Gives the body of a saved part by family (``fleets``, ``networks``, ``tasks``) and id; KeyError if there is none."""

PARTS: Mapping[str, str] = {"fleet": "fleets", "network": "networks", "task": "tasks"}
"""The parts of a spec that can be saved, with the family that holds them."""


def overlay(base: Any, change: Any) -> Any:
    """The base with the change laid over it; neither is modified."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    if "kind" in change and base.get("kind", change["kind"]) != change["kind"]:
        return change
    return {**base, **{key: overlay(base.get(key), value) for key, value in change.items()}}


def place(tree: Any, path: str, value: Any) -> Any:
    """The tree with a value laid over the place of a dotted path; missing mappings on the way are made.

    Raises:
        SpecError: the path leads through a scalar or past the end of a list, or is too long.
    """
    steps = tuple(path.split("."))
    if len(steps) > MAX_DEPTH:
        raise SpecError([Problem(path[:80], "bad_path", f"a path has at most {MAX_DEPTH} steps; given {len(steps)}")])
    return _place(tree, steps, value, path)


def apply_overrides(tree: Any, settings: Iterable[str]) -> Any:
    """The tree after ``path=value`` settings; each value is read by the same loader as the spec.

    Raises:
        SpecError: all settings that cannot be read or placed.
    """
    problems: list[Problem] = []
    for setting in settings:
        try:
            tree = place(tree, *_read(setting))
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return tree


def resolve_saved(tree: Any, saved: Saved | None) -> Any:
    """The tree with ``{saved: id}`` for a fleet, network or task replaced by the saved body, overlaid by the rest.

    Raises:
        SpecError: there is no such saved part, or none can be used here.
    """
    if not isinstance(tree, dict):
        return tree
    problems: list[Problem] = []
    result = dict(tree)
    for part, family in PARTS.items():
        value = tree.get(part)
        if isinstance(value, dict) and "saved" in value:
            rest = {key: entry for key, entry in value.items() if key != "saved"}
            try:
                result[part] = overlay(dict(_fetch(family, value["saved"], saved)), rest)
            except KeyError as error:
                problems.append(Problem(f"{part}.saved", "unknown_saved", str(error.args[0])))
    if problems:
        raise SpecError(problems)
    return result


def _fetch(family: str, identifier: Any, saved: Saved | None) -> Mapping[str, Any]:
    if saved is None:
        raise KeyError(f"saved {family} exist only on the platform; give the {family[:-1]} itself")
    if not isinstance(identifier, str):
        raise KeyError(f"the id of a saved {family[:-1]} is text; given {identifier!r}")
    try:
        return saved(family, identifier)
    except KeyError:
        raise KeyError(f"there is no saved {family[:-1]} {identifier!r} that you may use") from None


def _place(tree: Any, steps: tuple[str, ...], value: Any, path: str) -> Any:
    if not steps:
        return overlay(tree, value)
    step, rest = steps[0], steps[1:]
    if isinstance(tree, list):
        if not step.isdecimal() or int(step) >= len(tree):
            message = f"'{step}' is no place in a list of {len(tree)}; allowed are 0 to {len(tree) - 1}"
            raise SpecError([Problem(path, "bad_path", message)])
        index = int(step)
        return [*tree[:index], _place(tree[index], rest, value, path), *tree[index + 1 :]]
    if tree is None or isinstance(tree, dict):
        inside = tree or {}
        return {**inside, step: _place(inside.get(step), rest, value, path)}
    raise SpecError([Problem(path, "bad_path", f"'{step}' leads into {tree!r}, which has no fields")])


def _read(setting: str) -> tuple[str, Any]:
    path, equals, text = setting.partition("=")
    path = path.strip()
    if not equals or not path:
        message = f"a setting reads path=value, as in task.rounds=10; given {setting!r}"
        raise SpecError([Problem(path, "bad_setting", message)])
    try:
        return path, load(text)
    except SpecError as error:
        below = (Problem(f"{path}.{e.path}".rstrip("."), e.code, e.message) for e in error.problems)
        raise SpecError(below) from error
