"""``recost``: what a finished run would have cost on another fleet or network."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.commands.costing import add_method, spread_lines
from engine.commands.output import DONE, amount, say, write_json
from engine.commands.spec_file import add_json, read_file
from engine.core.errors import Problem, SpecError
from engine.costs.trace import Trace
from engine.specs.recosting import checked, elsewhere, sheet, use
from engine.specs.text import load, parse

SUMMARY = "say what a finished run would have cost on another fleet or network"

_TITLES = {
    "time_s": ("simulated time", "s"),
    "energy_j": ("energy", "J"),
    "network_energy_j": ("network energy", "J"),
    "bytes_up": ("bytes up", "B"),
    "bytes_down": ("bytes down", "B"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="RUN_DIR", type=Path, help="a folder that run --out wrote")
    parser.add_argument("--fleet", metavar="FILE", help="the other fleet: its part of a spec, or a whole spec")
    parser.add_argument("--network", metavar="FILE", help="the other network: its part of a spec, or a whole spec")
    add_method(parser)
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print what each run cost and what it would have cost."""
    if arguments.fleet is None and arguments.network is None:
        raise SpecError([Problem("", "nothing_changes", "name another fleet, another network, or both")])
    fleet, network = (
        None if place is None else load(read_file(place)) for place in (arguments.fleet, arguments.network)
    )
    found = [_compared(folder, (fleet, network), arguments) for folder in _runs(arguments.folder)]
    if arguments.json:
        write_json({"runs": found}, arguments.json)
    if arguments.json != "-":
        for one in found:
            for line in _lines(one):
                say(line)
    return DONE


def _runs(folder: Path) -> list[Path]:
    """The folders of single runs in a folder.

    Raises:
        SpecError: there is none that is done.
    """
    found = [folder] if (folder / "trace.safetensors").is_file() else sorted(folder.glob("runs/*/"))
    finished = [run for run in found if (run / "trace.safetensors").is_file() and _state(run) == "done"]
    if not finished:
        raise SpecError([Problem("", "no_run", f"{folder} holds no finished run; allowed is a folder of run --out")])
    return finished


def _state(run: Path) -> str:
    result = run / "result.json"
    return str(json.loads(result.read_bytes())["state"]) if result.is_file() else ""


def _compared(run: Path, parts: tuple[Any, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """What one run cost before and elsewhere, on another fleet or network."""
    spec = parse((run / "spec.yaml").read_bytes())
    seed = int(json.loads((run / "provenance.json").read_bytes())["seed"])
    trace = Trace.load(run / "trace.safetensors")
    change = checked({name: part for name, part in zip(("fleet", "network"), parts, strict=True) if part is not None})
    method = arguments.method or spec.execution.costs
    before, after = (
        sheet(trace, one, seed, method=method, samples=arguments.samples) for one in (spec, elsewhere(spec, change))
    )
    return {
        "run": run.name, "seed": seed, "before": before["totals"], "after": after["totals"],
        "sheets": {"before": before, "after": after}, "use": use(trace, spec, seed),
    }  # fmt: skip


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['run']}, seed {found['seed']}"
    for name, (title, unit) in _TITLES.items():
        before, after = found["before"][name], found["after"][name]
        ratio = f"  x {after / before:.3g}" if before and after != before else ""
        yield f"  {title:<16} {amount(before, unit):>12}  ->  {amount(after, unit):>12}{ratio}"
    for when, one in found["sheets"].items():
        if "spread" in one:
            yield f"  {when}:"
            yield from spread_lines(one["spread"])
    yield f"  {'':<16} {100 * found['after']['share_recalled']:.0f} % of the new cost rests on recalled figures"
