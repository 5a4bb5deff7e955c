"""``plan``: which device computes what, before anything is trained, as proposed and as changed by hand."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from engine.commands.output import DONE, say, si, write_json
from engine.commands.spec_file import add_json, add_spec, read_file
from engine.core.errors import Problem, SpecError
from engine.specs.plan_sweep import PlanSweep, sweep_of, winners
from engine.specs.plans import planning_of, plans, read_design
from engine.specs.text import load
from engine.specs.yaml import load_yaml

SUMMARY = "say which device computes which piece of a network, and what that comes to, before anything is trained"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_spec(parser)
    parser.add_argument(
        "--assign", metavar="PIECE=DEVICE", action="append", default=[],
        help="move a piece to the device of that number, as in --assign conv1=2; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--sweep", metavar="AXIS=VALUES", action="append", default=[],
        help="say who wins where: factors on bandwidth or rtt, or numbers of devices of the largest group (group=NAME: "
        "another), as in --sweep bandwidth=0.1,1,10 --sweep devices=1,2,4; at most two",
    )  # fmt: skip
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the plans of a design and, with ``--assign``, what the changed one comes to."""
    spec = read_design(load(read_file(arguments.spec)), settings=arguments.settings)
    assignment = _assignment(arguments.assign) if arguments.assign else None
    sweep = _sweep(arguments.sweep) if arguments.sweep else None
    planning = planning_of(spec)
    found: dict[str, Any] = plans(planning, assignment)
    found["winners"] = None if sweep is None else winners(spec, planning, sweep, assignment)
    if arguments.json:
        write_json(found, arguments.json)
    if arguments.json != "-":
        say(f"{spec.name}: plans for the objective {found['objective']}")
        for line in _lines(found):
            say(line)
    return DONE


def _assignment(words: Sequence[str]) -> dict[str, int]:
    """The devices by piece.

    Raises:
        SpecError: all words that are no assignment.
    """
    found, problems = dict[str, int](), []
    for word in words:
        piece, sign, device = word.rpartition("=")
        if sign and piece and device.isascii() and device.isdigit():
            found[piece] = int(device)
        else:
            problems.append(Problem("--assign", "malformed", f"should be PIECE=DEVICE, a number; given: {word}"))
    if problems:
        raise SpecError(problems)
    return found


def _sweep(words: Sequence[str]) -> PlanSweep:
    """What varies.

    Raises:
        SpecError: all that is wrong with it.
    """
    tree: dict[str, Any] = {}
    for name, _, values in (word.partition("=") for word in words):
        tree[name] = values if name == "group" else load_yaml(f"[{values}]")
    return sweep_of(tree)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    shown = [*found["plans"], *([found["edited"]] if found["edited"] else [])]
    heads = ("", "latency", "throughput", "energy", "most memory", "messages", "devices", "survival")
    yield from _table([heads, *(_figures(plan) for plan in shown)])
    for one in found["missing"]:
        yield f"  {one['title']}: {one['reason']}"
    for plan in shown:
        for sentence in plan["violations"]:
            yield f"  {plan['title']}: {sentence}"
    yield ""
    yield from _placed(found, shown)
    yield ""
    yield from _memory(found, shown)
    if found["winners"]:
        yield ""
        yield from _winners(found, found["winners"])


def _figures(plan: dict[str, Any]) -> tuple[str, ...]:
    rate, survival = plan["throughput_rps"], plan["survival"]
    return (
        plan["title"],
        si(plan["latency_s"], "s"),
        "no limit" if rate is None else f"{rate:.3g}/s",
        si(plan["energy_j"], "J"),
        si(max(device["memory_bytes"] for device in plan["devices"]), "B"),
        si(sum(message["share"] * message["num_bytes"] for message in plan["messages"]), "B"),
        str(len(set(plan["assignment"].values()))),
        "" if survival is None else f"{100 * survival:.4g} %",
    )


def _placed(found: dict[str, Any], shown: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each piece: where each plan has it."""
    named = {row["number"]: f"{row['number']} {row['group']}" for row in found["devices"]}
    pieces = [row["name"] for row in found["pieces"]]
    same = [plan for plan in shown if list(plan["assignment"]) == pieces]
    rows = [("piece", "weights", *(plan["title"] for plan in same))]
    for row in found["pieces"]:
        places = (named[plan["assignment"][row["name"]]] for plan in same)
        rows.append((row["name"], si(row["parameter_bytes"], "B"), *places))
    yield from _table(rows)


def _memory(found: dict[str, Any], shown: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each device that computes in the plan that is looked at: how full it is."""
    named = {row["number"]: f"{row['number']} {row['group']}" for row in found["devices"]}
    plan = shown[-1] if found["edited"] else shown[0] if shown else None
    if plan is None:
        return
    rows = [(plan["title"], "memory", "of", "", "busy", "energy")]
    for share in plan["devices"]:
        part = share["memory_bytes"] / share["memory_available"]
        bar = "#" * min(20, round(20 * part))
        memory = si(share["memory_bytes"], "B"), si(share["memory_available"], "B")
        rest = si(share["busy_s"], "s"), si(share["energy_j"] + share["waiting_j"], "J")
        rows.append((named[share["device"]], *memory, f"{100 * part:5.1f} % {bar}", *rest))
    yield from _table(rows)


def _winners(found: dict[str, Any], sweep: dict[str, Any]) -> Iterator[str]:
    """The best plan and its latency at each point, the first axis down and the second across."""
    titles = {one["name"]: one["title"] for one in [*found["plans"], *found["missing"]]} | {"edited": "Plan by hand"}
    first, *second = sweep["axes"]
    across = second[0]["values"] if second else [""]
    head = f"{first['name']} \\ {second[0]['name']}" if second else first["name"]
    points = iter(sweep["points"])
    rows = [(f"{value:g}", *(_won(next(points), titles) for _ in across)) for value in first["values"]]
    yield from _table([(head, *map(str, across)), *rows])


def _won(point: dict[str, Any], titles: dict[str, str]) -> str:
    if point["winner"] is None:
        return "none"
    count = f" ({point['num_devices']} devices)" if point["num_devices"] > 1 else ""
    return f"{titles[point['winner']]}{count} {si(point['plans'][point['winner']]['latency_s'], 's')}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
