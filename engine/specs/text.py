"""The one door: a spec's text in, a validated experiment or all its problems out.

Browser, API and command line hand the same text here. The stages follow each other, and each reports everything that it
finds: reading, version, saved parts and settings, fields, the grid, and last what must fit together.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from engine.core.allowance import Allowance
from engine.core.errors import Problem, SpecError
from engine.core.numerics import NUMERICS_VERSION
from engine.specs.checks import check, checksums
from engine.specs.documents import MAX_BYTES, load
from engine.specs.experiment import ExperimentSpec
from engine.specs.messages import problems_of, shown
from engine.specs.overlay import Saved, apply_overrides, resolve_saved
from engine.specs.presets import resolve_preset
from engine.specs.sweep import Cell, check_grid, expand, of_cells
from engine.specs.versions import upgrade
from engine.specs.writer import write

__all__ = [
    "MAX_BYTES",
    "apply_overrides",
    "by_value",
    "canonical",
    "cells",
    "digest",
    "load",
    "parse",
    "parse_tree",
    "tree_of",
]


def parse(
    text: str | bytes,
    *,
    saved: Saved | None = None,
    settings: Iterable[str] = (),
    max_bytes: int = MAX_BYTES,
    allowance: Allowance | None = None,
) -> ExperimentSpec:
    """The experiment that a text describes.

    Args:
        text: YAML 1.2 or JSON.
        saved: gives saved parts by family and id; without it ``{saved: id}`` is an error.
        settings: ``path=value`` overrides, laid over the document.
        max_bytes: largest text looked at.
        allowance: what may be computed for the cross checks of all cells together; what they leave open then, the run
            will say in the same words. By default they leave nothing open.

    Raises:
        SpecError: all problems of the first stage that has any.
    """
    return parse_tree(load(text, max_bytes=max_bytes), saved=saved, settings=settings, allowance=allowance)


def parse_tree(
    tree: Any, *, saved: Saved | None = None, settings: Iterable[str] = (), allowance: Allowance | None = None
) -> ExperimentSpec:
    """The experiment that a plain tree describes; otherwise as :func:`parse`."""
    if not isinstance(tree, dict):
        raise SpecError([Problem("", "wrong_type", f"a spec is a mapping of fields; given {shown(tree)}")])
    tree = apply_overrides(resolve_saved(upgrade(tree), saved), settings)
    check_grid(tree.get("sweep"))
    spec = validate(tree)
    problems = of_cells((cell.label, check(cell.spec, allowance)) for cell in cells(spec))
    if problems:
        raise SpecError(problems)
    return spec


def validate(tree: dict[str, Any]) -> ExperimentSpec:
    """The experiment of a tree whose fields are right by themselves, before the cross checks.

    Raises:
        SpecError: every field that is wrong, or a preset that does not exist.
    """
    tree = resolve_preset(tree)
    try:
        return ExperimentSpec.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise SpecError(problems_of(error, ExperimentSpec, tree)) from error


def cells(spec: ExperimentSpec) -> list[Cell]:
    """The cells of an experiment's grid, in the order of the grid; an experiment without one is its only cell.

    Raises:
        SpecError: the problems of all cells whose fields are wrong.
    """
    return expand(spec, tree_of(spec), validate)


def tree_of(spec: ExperimentSpec) -> dict[str, Any]:
    """The plain tree of what was set in a spec, without defaults."""
    return dict(_kind_first(spec.model_dump(mode="json", exclude_unset=True)))


def canonical(spec: ExperimentSpec) -> str:
    """The complete text of a spec, defaults included; parsing it gives an equal spec, on other machines as well.

    Devices of this installation stand in it by value.
    """
    tree = spec.model_copy(update={"fleet": spec.fleet.with_own_figures()}).model_dump(mode="json")
    if spec.sweep is None:
        del tree["sweep"]
    return write(_kind_first(tree))


def by_value(spec: ExperimentSpec) -> ExperimentSpec:
    """The spec with the figures of devices and links in place of their names: later catalogues do not change it."""
    return spec.model_copy(update={"fleet": spec.fleet.with_figures(), "network": spec.network.with_figures()})


def digest(spec: ExperimentSpec) -> str:
    """SHA-256 over everything that the results of a cell depend on, besides the seed.

    That is the complete spec, by value, without name, seeds and settings of the host, the checksums of its data sets,
    and the version of the engine's numerics.
    """
    tree = by_value(spec).model_dump(mode="json", exclude={"name", "seeds", "sweep", "execution"})
    content = {"spec": tree, "checksums": checksums(spec), "numerics_version": NUMERICS_VERSION}
    if spec.execution.backend != "simulate":
        # Such a run keeps a measurement, so one that was only simulated is no stand-in for it.
        of_the_host = {"checkpoint_s", "costs", "shards", "threads"}
        content["execution"] = spec.execution.model_dump(mode="json", exclude=of_the_host)
    if spec.execution.costs != "closed_form":
        content["costs"] = spec.execution.costs
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _kind_first(tree: Any) -> Any:
    """The tree as a person would write it: what a component is comes before its fields."""
    if isinstance(tree, dict):
        first = {"kind": tree["kind"]} if "kind" in tree else {}
        return first | {key: _kind_first(value) for key, value in tree.items()}
    return [_kind_first(item) for item in tree] if isinstance(tree, list) else tree
