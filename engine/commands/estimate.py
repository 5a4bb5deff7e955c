"""``estimate``: what an experiment will cost, before it runs."""

import argparse
from dataclasses import asdict
from typing import Any

from engine.commands.output import DONE, say, si, write_json
from engine.commands.spec_file import add_json, add_spec, read_spec
from engine.core.json import plain
from engine.specs.context import make_context
from engine.specs.text import cells, digest

SUMMARY = "say what an experiment will cost, before it runs"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_spec(parser)
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the expected cost of one run of each cell."""
    from engine.costs.estimate import estimate

    spec = read_spec(arguments)
    found: list[dict[str, Any]] = []
    for cell in cells(spec):
        figures = plain(asdict(estimate(cell.spec.task, make_context(cell.spec, cell.spec.seeds[0]))))
        assert isinstance(figures, dict)
        found.append({"label": cell.label, "digest": digest(cell.spec), **figures})
    if arguments.json:
        write_json({"seeds": list(spec.seeds), "cells": found}, arguments.json)
    if arguments.json != "-":
        for figures in found:
            say(f"{figures['label'] or spec.name}, each of {len(spec.seeds)} runs")
    return DONE
