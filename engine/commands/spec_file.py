"""The spec that a command is given."""

import argparse
import sys
from pathlib import Path

from engine.core.errors import Problem, SpecError
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import MAX_BYTES, parse


def add_spec(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a spec and change it."""
    parser.add_argument("spec", metavar="SPEC", help="spec file in YAML or JSON; - for standard input")
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="override a field, as in --set task.rounds=10 or --set 'seeds=[0]'; may be repeated",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option that asks for JSON."""
    parser.add_argument(
        "--json",
        metavar="FILE",
        nargs="?",
        const="-",
        help="write the result as JSON to FILE, or to standard output",
    )


def read_spec(arguments: argparse.Namespace) -> ExperimentSpec:
    """The experiment that the arguments describe.

    Raises:
        SpecError: the file cannot be read, or what it says is wrong.
    """
    return parse(read_file(arguments.spec), settings=arguments.settings)


def read_file(place: str) -> bytes:
    """What stands in a file, or in standard input for ``-``; no more of it than the door needs to refuse it.

    Raises:
        SpecError: the file cannot be read.
    """
    # One byte more than the door looks at is enough for it to refuse the rest.
    try:
        if place == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(place).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"{place} cannot be read: {error.strerror or error}"
        raise SpecError([Problem("", "unreadable", message)]) from error
