"""Versions of the spec's form: an old document is upgraded step by step before it is looked at."""

from collections.abc import Callable
from typing import Any

from engine.core.errors import Problem, SpecError

CURRENT = 1
"""The version that this platform writes."""

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

UPGRADES: dict[int, Upgrade] = {}
"""For each old version, what makes a tree of it one of the next; the first is added when version 2 comes."""


def upgrade(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree in the current version; one without a version is taken for current.

    Raises:
        SpecError: the version is none that this platform can read.
    """
    version = tree.get("version", CURRENT)
    if isinstance(version, bool) or not isinstance(version, int) or not (version == CURRENT or version in UPGRADES):
        known = ", ".join(map(str, sorted({*UPGRADES, CURRENT})))
        message = f"this platform reads version {known}; given {version!r}"
        raise SpecError([Problem("version", "unknown_version", message)])
    while version < CURRENT:
        tree = {**UPGRADES[version](tree), "version": version + 1}
        version += 1
    return tree
