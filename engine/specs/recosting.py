"""The same experiment on another fleet and network: whether a finished run may be re-costed there, and what as."""

from typing import Any

from engine.core.component import Component
from engine.core.errors import Problem, SpecError
from engine.specs.checks import components
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import parse_tree, tree_of


def obstacles(spec: ExperimentSpec) -> list[Problem]:
    """A problem for each component by which learning depends on simulated time or energy."""
    return [
        Problem(path, "reads_costs", f"{type(part).__name__} depends on simulated time or energy{_TAIL}")
        for path, part in components(spec, Component)
        if part.reads_costs
    ]


_TAIL = ", so on another fleet or network the run itself would have gone another way: run it there"


def elsewhere(spec: ExperimentSpec, *, fleet: Any = None, network: Any = None) -> ExperimentSpec:
    """The experiment of a finished run on another fleet or network.

    Args:
        spec: a cell, without a sweep.
        fleet: the other fleet as a plain tree, or a whole spec that has one; None keeps the run's own.
        network: the other network likewise.

    Raises:
        SpecError: what is given is wrong or does not fit the run, or re-costing is not valid.
    """
    refused = obstacles(spec)
    if refused:
        raise SpecError(refused)
    tree = tree_of(spec)
    for name, other in (("fleet", fleet), ("network", network)):
        if other is not None:
            tree[name] = other[name] if isinstance(other, dict) and isinstance(other.get(name), dict) else other
    changed = parse_tree(tree)
    refused = obstacles(changed)
    if refused:
        raise SpecError(refused)
    return changed
