"""``schema``: the JSON schema of a spec."""

import argparse

from engine.commands.output import DONE, write_json
from engine.commands.spec_file import add_json
from engine.specs.experiment import ExperimentSpec

SUMMARY = "print the JSON schema of a spec"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the schema."""
    write_json(ExperimentSpec.model_json_schema(), arguments.json or "-")
    return DONE
