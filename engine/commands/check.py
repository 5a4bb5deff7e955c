"""``check``: look at a spec without running it."""

import argparse

from engine.commands.output import BAD_INPUT, DONE, complain, say, write_json
from engine.commands.spec_file import add_json, add_spec, read_spec
from engine.core.errors import SpecError
from engine.data.store import DataStore
from engine.specs.checks import check_data
from engine.specs.experiment import ExperimentSpec
from engine.specs.sweep import of_cells
from engine.specs.text import cells, digest

SUMMARY = "look at a spec without running it and list every problem"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_spec(parser)
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Say that the spec is right, or what is wrong with it."""
    try:
        spec = read_spec(arguments)
        _check_data(spec)
    except SpecError as error:
        if arguments.json:
            problems = [{"path": entry.path, "code": entry.code, "message": entry.message} for entry in error.problems]
            write_json({"valid": False, "problems": problems}, arguments.json)
        complain(error)
        return BAD_INPUT
    found = [{"label": cell.label, "digest": digest(cell.spec)} for cell in cells(spec)]
    if arguments.json:
        write_json({"valid": True, "problems": [], "seeds": list(spec.seeds), "cells": found}, arguments.json)
    if arguments.json != "-":
        runs = len(found) * len(spec.seeds)
        say(f"{spec.name}: valid; {len(found)} cell{'s' * (len(found) > 1)}, {runs} run{'s' * (runs > 1)}")
        for cell in found:
            say(f"  {cell['digest'][:16]}  {cell['label']}".rstrip())
    return DONE


def _check_data(spec: ExperimentSpec) -> None:
    store = DataStore.from_environment()
    problems = of_cells((cell.label, check_data(cell.spec, store)) for cell in cells(spec))
    if problems:
        raise SpecError(problems)
