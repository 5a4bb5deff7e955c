"""Costing a finished run again: here where that takes no time, in a process of its own where it does."""

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from engine.core.errors import Problem, SpecError
from engine.costs.sheet import Sheet
from engine.costs.use_sheet import UseSheet
from engine.specs.experiment import ExperimentSpec
from engine.specs.recosting import elsewhere, sheet, use
from engine.specs.text import tree_of
from engine.specs.what_if import WhatIf
from webapp.experiments.engine_process import TakesTooLong, answer_of, at_once
from webapp.experiments.files import path_of
from webapp.experiments.models import Run
from webapp.library.services import body_for
from webapp.recosting.memory import Memory
from webapp.recosting.worlds import World, world_of

SHEET_MEMORY_BYTES = 32 * 2**20

ITEM_BYTES = 40
"""About how many bytes an item of a trace takes in its file."""

DIRECT = frozenset({"star", "hierarchical"})
"""Topologies in which no device passes on the messages of others."""

RELAYED_HOPS = 8
"""How many hops stand for one message in what is guessed to be quick, where devices relay."""

_sheets: Memory[Sheet] = Memory(SHEET_MEMORY_BYTES, lambda entry: len(orjson.dumps(entry)) * 4)


def recost(run: Run, change: WhatIf) -> dict[str, Any]:
    """What a finished run cost, and what it would have cost elsewhere.

    Args:
        run: a run that is done.
        change: another fleet and network; saved ones are those of the run's team.

    Returns:
        ``run``, ``seed``, the sheets ``before`` and ``after`` (:func:`engine.costs.sheet.sheet_of`), and the other
        ``fleet`` and ``network`` as they would stand in a spec.

    Raises:
        Conflict: the run is not done, or left no trace.
        SpecError: re-costing is not valid, or what is given is wrong or does not fit.
        EngineError: a device cannot do the work, or two nodes are not connected.
    """
    world = world_of(run)
    changed = elsewhere(world.spec, change, saved=functools.partial(body_for, run.team), allowance=at_once())
    if changed == world.spec:
        before = after = before_of(world)
    elif is_quick(world, changed):
        before, after = before_of(world), sheet(world.trace, changed, run.seed)
    else:
        found = _apart(world, changed)
        before, after = found["before"], found["after"]
        _sheets.get(world.key, lambda: before)
    tree = tree_of(changed)
    return {
        "run": run.pk,
        "seed": run.seed,
        "before": before,
        "after": after,
        "fleet": tree["fleet"],
        "network": tree.get("network", {}),
    }


def before_of(world: World) -> Sheet:
    """What the run cost where it ran."""

    def make() -> Sheet:
        if is_quick(world, world.spec):
            return sheet(world.trace, world.spec, world.run.seed)
        return _apart(world, world.spec)["before"]

    return _sheets.get(world.key, make)


def use_of(world: World) -> UseSheet:
    """How the run used its links; see :func:`engine.costs.use_sheet.use_sheet_of`."""

    def make() -> UseSheet:
        if is_quick(world, world.spec):
            return use(world.trace, world.spec, world.run.seed)
        return _apart(world, world.spec)["use"]

    return _sheets.get((*world.key, "use"), make)


def is_quick(world: World, spec: ExperimentSpec) -> bool:
    """Whether it surely takes about a second at most."""
    items = world.artifact.size_bytes / ITEM_BYTES
    hops = 1 if spec.network.topology.kind in DIRECT else RELAYED_HOPS
    return items * hops + spec.fleet.num_devices <= settings.RECOST_AT_ONCE


def _apart(world: World, changed: ExperimentSpec) -> dict[str, Sheet]:
    """The sheets ``before``, ``after`` and ``use``, from the command of the engine in a process of its own.

    Raises:
        SpecError: it takes longer than is allowed.
        EngineError: it cannot be costed there.
    """
    limit_s = settings.RECOST_LIMIT_S
    with tempfile.TemporaryDirectory(prefix="edgeloom-recost-") as name:
        folder = _folder(Path(name), world, changed)
        places = ["--fleet", str(folder / "fleet.yaml"), "--network", str(folder / "network.yaml")]
        try:
            found = answer_of(["recost", str(folder), "--json", "-", *places], limit_s=limit_s)["runs"][0]
        except TakesTooLong as error:
            message = f"costing this run again takes over {limit_s:g} s; ./edgeloom recost does it without a limit"
            raise SpecError([Problem("run", "recost_too_slow", message)]) from error
    return {**found["sheets"], "use": found["use"]}


def _folder(folder: Path, world: World, changed: ExperimentSpec) -> Path:
    """The run as the folder that the command reads."""
    (folder / "trace.safetensors").symlink_to(path_of(world.artifact))
    files = {
        "spec.yaml": tree_of(world.spec),
        "provenance.json": {"seed": world.run.seed},
        "result.json": {"state": "done"},
        "fleet.yaml": changed.fleet.model_dump(mode="json"),
        "network.yaml": changed.network.model_dump(mode="json"),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder
