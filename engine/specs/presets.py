"""Named partial tasks: methods that are combinations of the axes, and settings of papers.

A spec takes one with ``task: {preset: fedbuff, ...}``; what stands beside it is laid over it. It is resolved by value
before anything is checked, so what runs and is kept never names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.core.errors import Problem, SpecError
from engine.specs.documents import load
from engine.specs.messages import shown
from engine.specs.overlay import overlay

PRESETS = "presets"
"""What lists call them, beside the families."""

FOLDERS = tuple(Path(__file__).resolve().parents[1] / kind / "presets" for kind in ("federated", "datafree"))
"""One file per preset, beside the kind of task that it sets: title, summary, source and the partial task."""


@dataclass(frozen=True)
class Preset:
    """A named partial task: a method that combines several axes, or the settings of a paper.

    Attributes:
        name: by which a spec takes it.
        title: what people call it.
        summary: what it does and needs.
        source: paper, with section.
        task: the fields of the task that it sets.
    """

    name: str
    title: str
    summary: str
    source: str
    task: Mapping[str, Any]


@cache
def presets() -> Mapping[str, Preset]:
    """All presets by name."""
    found = {}
    for path in (path for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))):
        tree = load(path.read_bytes())
        found[path.stem] = Preset(path.stem, tree["title"], tree["summary"], tree["source"], tree["task"])
    return MappingProxyType(found)


def resolve_preset(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree of a spec with the preset of its task, if it names one, replaced by the preset's fields under the rest.

    Raises:
        SpecError: there is no such preset.
    """
    task = tree.get("task")
    if not isinstance(task, dict) or "preset" not in task:
        return tree
    name = task["preset"]
    if not isinstance(name, str) or name not in presets():
        message = f"there is no preset {shown(name)}; allowed: {', '.join(presets())}"
        raise SpecError([Problem("task.preset", "unknown_preset", message)])
    rest = {key: value for key, value in task.items() if key != "preset"}
    return {**tree, "task": overlay(dict(presets()[name].task), rest)}
