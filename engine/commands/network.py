"""``network``: read a network from a spec or from a file of another program, and write it as either."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from engine.commands.output import DONE, note
from engine.commands.spec_file import read_file
from engine.core.errors import Problem, SpecError
from engine.fleet.group import FleetSpec
from engine.network.exchange.formats import Format, format_of
from engine.network.exchange.reading import Assumptions, read
from engine.network.exchange.writing import write
from engine.network.spec import NetworkSpec
from engine.specs.messages import problems_of
from engine.specs.text import load
from engine.specs.writer import write as write_yaml

P = TypeVar("P", NetworkSpec, FleetSpec)

SUMMARY = "turn a network into GraphML, CSV or JSON, or a file of these into the network of a spec"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file", metavar="FILE", help="a spec, its network part, or a GraphML, CSV or JSON file; - for standard input"
    )
    parser.add_argument(
        "--as",
        dest="wanted",
        choices=["yaml", *get_args(Format)],
        default="yaml",
        help="what to write: yaml is the network part of a spec (default)",
    )
    parser.add_argument("--out", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument("--server", metavar="NODE", default="", help="which node is the server, if the file is silent")
    parser.add_argument(
        "--group", metavar="NAME", default="boards", help="group of devices for which the file names none (boards)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Write the network, or say what is wrong with it."""
    tree = _tree(arguments)
    spec = _checked(tree.get("network", {}), NetworkSpec, "network")
    example = [{"name": name, "count": count} for name, count in spec.example_counts().items()]
    fleet = _checked(tree.get("fleet", {"groups": example} if example else {}), FleetSpec, "fleet")
    problems = spec.check(fleet)
    if problems:
        raise SpecError(Problem(f"network.{entry.path}", entry.code, entry.message) for entry in problems)
    if arguments.wanted == "yaml":
        text = write_yaml({"network": spec.model_dump(mode="json", exclude_unset=True)})
    else:
        text = write(spec, fleet, arguments.wanted)
    if arguments.out:
        Path(arguments.out).write_text(text, encoding="utf-8")
        note(f"wrote {arguments.out}")
    else:
        sys.stdout.write(text)
    return DONE


def _tree(arguments: argparse.Namespace) -> dict[str, Any]:
    """The parts ``network`` and, if it was given, ``fleet``."""
    data = read_file(arguments.file)
    name = "" if arguments.file == "-" else arguments.file
    if format_of(name, data) == "json":
        tree = load(data)
        is_file = isinstance(tree, dict) and "nodes" in tree
    else:
        is_file = format_of(name, data) == "graphml" or name.lower().endswith(".csv")
        tree = None if is_file else load(data)
    if is_file:
        return {"network": read(data, format_of(name, data), Assumptions(arguments.server, arguments.group))}
    if not isinstance(tree, dict):
        raise SpecError([Problem("", "wrong_type", "should be a mapping: a spec or its network part")])
    is_spec = "network" in tree or "task" in tree or "fleet" in tree
    return tree if is_spec else {"network": tree}


def _checked(tree: Any, part: type[P], path: str) -> P:
    """The part of a spec that a tree is.

    Raises:
        SpecError: every field that is wrong.
    """
    try:
        return part.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        found = problems_of(error, part, tree)
        raise SpecError(Problem(f"{path}.{entry.path}", entry.code, entry.message) for entry in found) from error
