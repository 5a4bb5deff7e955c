"""``budget``: which models fit which devices at which precision, before anything is trained."""

import argparse
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from engine.commands.output import DONE, say, si, write_json
from engine.commands.spec_file import add_json
from engine.core.errors import Problem, SpecError
from engine.core.json import plain
from engine.core.registry import kind_of
from engine.datafree.fleet.budget import BudgetRow
from engine.fleet.catalogue import devices
from engine.models.graph import Graph
from engine.specs.budgeting import BudgetQuestion, ModelBudget, answers, asked, fitting
from engine.specs.yaml import load_yaml

UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
"""Units of a size, in bytes."""

SUMMARY = "say which models fit which devices in fp32, int8 and int4, before anything is trained"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--model", metavar="MODEL", action="append", default=[], dest="models",
        help="a model by its kind, or as in a spec: '{kind: resnet18, width: 0.25}'; may be repeated; all if left out",
    )  # fmt: skip
    parser.add_argument(
        "--dataset", metavar="DATASET", default="cifar10", help="whose samples it takes, likewise; cifar10 if left out"
    )
    parser.add_argument(
        "--device", metavar="ID", action="append", default=[], dest="devices",
        help="a device of the catalogue; may be repeated; all microcontrollers if left out",
    )  # fmt: skip
    parser.add_argument("--ram", metavar="SIZE", help="memory of a device of your own, as in '256 KiB'")
    parser.add_argument("--flash", metavar="SIZE", help="its flash, as in '1 MiB'")
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print what fits."""
    question = _question(arguments)
    found = list(answers(question))
    if arguments.json:
        dataset = plain(question.dataset.model_dump(mode="json"))
        write_json({"dataset": dataset, "models": [budget.as_json() for budget in found]}, arguments.json)
    if arguments.json != "-":
        for line in _lines(found):
            say(line)
    return DONE


def _question(arguments: argparse.Namespace) -> BudgetQuestion:
    dataset = _part(arguments.dataset)
    groups: list[dict[str, Any]] = [{"name": name, "device": name, "count": 1} for name in _devices(arguments)]
    if arguments.ram or arguments.flash:
        own = {"name": "your device", "device_class": "microcontroller", "active_power_w": 0, "idle_power_w": 0}
        given = {"ram_bytes": arguments.ram or "256 KiB", "flash_bytes": arguments.flash}
        own |= {name: _size(text) for name, text in given.items() if text}
        groups.insert(0, {"name": "yours", "device": own, "count": 1})
    tree = {"dataset": dataset, "models": list(map(_part, arguments.models)), "fleet": {"groups": groups}}
    if not arguments.models:
        first = asked({**tree, "models": [{"kind": "mlp"}]})
        tree["models"] = [{"kind": kind} for kind in fitting(first.dataset)]
    return asked(tree)


def _devices(arguments: argparse.Namespace) -> list[str]:
    if arguments.devices or arguments.ram or arguments.flash:
        return list(arguments.devices)
    return [name for name, kind in devices().items() if kind.device_class == "microcontroller"]


def _size(text: str) -> int:
    """Bytes of ``256 KiB``, ``1MB`` or ``4096``.

    Raises:
        SpecError: it is no size.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([a-z]*)", text.strip().lower())
    if found is None or found[2] not in UNITS:
        message = f"a size is a number with B, kB, MB, GB, KiB, MiB or GiB; {text!r} was given"
        raise SpecError([Problem("", "wrong_type", message)])
    return round(float(found[1]) * UNITS[found[2]])


def _part(text: str) -> Any:
    """A kind, or a mapping with one."""
    tree = load_yaml(text)
    return {"kind": tree} if isinstance(tree, str) else tree


def _lines(budgets: Sequence[ModelBudget]) -> Iterator[str]:
    """Models with their devices below, in columns that are as wide as their widest cell."""
    tables = [_table(budget) for budget in budgets]
    widths = [max(map(len, column)) for column in zip(*chain.from_iterable(tables), strict=True)]
    for budget, table in zip(budgets, tables, strict=True):
        yield _title(budget)
        for cells in table:
            yield "  " + "  ".join(map(str.ljust, cells, widths)).rstrip()


def _title(budget: ModelBudget) -> str:
    graph: Graph = budget.graph
    settings = budget.model.model_dump(exclude_defaults=True, exclude={"kind"})
    chosen = "".join(f" {name}={value}" for name, value in settings.items())
    return f"{kind_of(type(budget.model))}{chosen}: {graph.num_parameters:,} parameters"


def _table(budget: ModelBudget) -> list[list[str]]:
    """A row for each group of devices: its name, and what it says at each precision."""
    groups: dict[str, list[str]] = {}
    for row in budget.rows:
        groups.setdefault(row.group, [row.group]).append(f"{row.precision} {verdict(row)}")
    return list(groups.values())


def verdict(row: BudgetRow) -> str:
    """Whether it fits and how long an answer takes, or what is missing."""
    if row.fits:
        return "fits" if row.latency_s is None else f"fits, {si(row.latency_s, 's')}, {si(row.energy_j or 0, 'J')}"
    missing = ((row.excess_flash_bytes, "flash"), (row.excess_ram_bytes, "memory"))
    return "no, lacks " + ", ".join(f"{si(size, 'B')} {place}" for size, place in missing if size)
