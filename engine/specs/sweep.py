"""The grid of an experiment: every combination of a sweep's values is a cell, a spec of its own."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.errors import Problem, SpecError
from engine.specs.experiment import ExperimentSpec
from engine.specs.messages import clipped, shown
from engine.specs.overlay import place

MAX_CELLS = 1000
"""Most cells of one experiment."""

_FIXED = ("sweep", "version", "name", "seeds", "execution")


@dataclass(frozen=True)
class Cell:
    """One combination of a grid."""

    label: str
    """What is particular about it, in words: ``strategy=fedmax, lr=0.1``; empty where there is no grid."""
    overrides: Mapping[str, Any]
    """The value of each path of the grid."""
    spec: ExperimentSpec
    """The complete spec, without a sweep."""

    @property
    def slug(self) -> str:
        """The label as part of a file name."""
        return re.sub(r"[^A-Za-z0-9.]+", "-", self.label).strip("-.").lower()[:80] or "cell"


def check_grid(sweep: Any) -> None:
    """Look at what a grid alone can have wrong; its shape and its values are validated with the fields.

    Raises:
        SpecError: every problem found.
    """
    if not isinstance(sweep, dict):
        return
    problems: list[Problem] = []
    num_cells = 1
    for path, values in sweep.items():
        head = path.partition(".")[0]
        if head in _FIXED:
            problems.append(Problem(f"sweep.{path}", "bad_path", f"'{head}' cannot be swept; a grid is over what runs"))
        if isinstance(values, list):
            num_cells *= max(1, len(values))
            if not values:
                message = "a grid needs at least one value for each path; the list is empty"
                problems.append(Problem(f"sweep.{path}", "wrong_length", message))
            repeated = [value for index, value in enumerate(values) if value in values[:index]]
            if repeated:
                message = f"each value may stand only once; {shown(repeated[0])} is repeated"
                problems.append(Problem(f"sweep.{path}", "repeated", message))
    if num_cells > MAX_CELLS:
        message = f"the grid has {num_cells:,} cells; at most {MAX_CELLS:,} are allowed"
        problems.append(Problem("sweep", "too_large", message))
    if problems:
        raise SpecError(problems)


def expand(
    spec: ExperimentSpec, tree: Mapping[str, Any], validate: Callable[[dict[str, Any]], ExperimentSpec]
) -> list[Cell]:
    """All cells of a spec whose plain tree is given.

    Raises:
        SpecError: the problems of all cells that are no valid specs.
    """
    if not spec.sweep:
        return [Cell("", {}, spec)]
    base = {key: value for key, value in tree.items() if key != "sweep"}
    names = _names(list(spec.sweep))
    result: list[Cell] = []
    found: list[tuple[str, Iterable[Problem]]] = []
    for values in itertools.product(*spec.sweep.values()):
        overrides = dict(zip(spec.sweep, values, strict=True))
        label = ", ".join(f"{names[path]}={_word(value, spec.sweep[path])}" for path, value in overrides.items())
        try:
            result.append(Cell(label, overrides, validate(_applied(base, overrides))))
        except SpecError as error:
            found.append((label, error.problems))
    if found:
        raise SpecError(of_cells(found))
    return result


def of_cells(found: Iterable[tuple[str, Iterable[Problem]]]) -> list[Problem]:
    """The problems of cells, given by label; each problem once, saying in which cells it was found."""
    labels: dict[Problem, list[str]] = {}
    for label, problems in found:
        for problem in problems:
            labels.setdefault(problem, []).append(label)
    return [Problem(entry.path, entry.code, entry.message + _where(cells)) for entry, cells in labels.items()]


def _applied(base: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    tree: Any = base
    for path, value in overrides.items():
        tree = place(tree, path, value)
    return dict(tree)


def _names(paths: list[str]) -> dict[str, str]:
    """The shortest endings of the paths that tell them apart."""
    names: dict[str, str] = {}
    for path in paths:
        steps = path.split(".")
        endings = (".".join(steps[-length:]) for length in range(1, len(steps) + 1))
        others = [other for other in paths if other != path]
        names[path] = next(
            (ending for ending in endings if not any(f".{other}".endswith(f".{ending}") for other in others)), path
        )
    return names


def _word(value: Any, among: list[Any]) -> str:
    """A value in a label: a component by its kind, with the fields by which it differs from others of that kind."""
    if not isinstance(value, dict):
        return clipped(value) if isinstance(value, str) else shown(value)
    kind = clipped(str(value.get("kind", "")))
    rivals = [other for other in among if isinstance(other, dict) and other.get("kind") == value.get("kind")]
    if kind and len(rivals) == 1:
        return kind
    inside = ", ".join(f"{key}={_word(entry, [])}" for key, entry in value.items() if key != "kind")
    return f"{kind}({inside})" if inside or not kind else kind


def _where(labels: list[str]) -> str:
    if labels == [""]:
        return ""
    more = f"; and {len(labels) - 3} more" if len(labels) > 3 else ""
    named = "; ".join(clipped(label, 200) for label in labels[:3])
    return f" (in the cell{'s' if len(labels) > 1 else ''} {named}{more})"
