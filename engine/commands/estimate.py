"""``estimate``: what an experiment will cost, before it runs."""

import argparse
from collections.abc import Iterator

from engine.commands.costing import add_method, spread_lines
from engine.commands.output import DONE, amount, duration, say, write_json
from engine.commands.spec_file import add_json, add_spec, read_spec
from engine.core.json import JsonValue, plain
from engine.costs.estimate import Estimate, estimate
from engine.datafree.expectation import deployed_fits
from engine.datafree.fleet.budget import BudgetRow
from engine.datafree.task import Datafree
from engine.specs.context import make_context
from engine.specs.sweep import Cell
from engine.specs.text import cells, digest

SUMMARY = "say what an experiment will cost, before it runs"

_TITLES = {
    "time_s": ("simulated time", "s"),
    "energy_j": ("energy", "J"),
    "bytes_up": ("bytes up", "B"),
    "bytes_down": ("bytes down", "B"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_spec(parser)
    add_method(parser)
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the expected cost of one run of each cell."""
    spec = read_spec(arguments)
    found = [(cell, *_expected(cell, arguments)) for cell in cells(spec)]
    if arguments.json:
        trees = [
            {"label": cell.label, "digest": digest(cell.spec), **expected.as_json(), **_told(fits)}
            for cell, expected, fits in found
        ]
        write_json({"seeds": list(spec.seeds), "cells": plain(trees)}, arguments.json)
    if arguments.json != "-":
        say(f"{spec.name}: expected of each of {len(found) * len(spec.seeds)} runs")
        for cell, expected, fits in found:
            for line in [*_lines(cell, expected), *_fit_lines(fits)]:
                say(line)
    return DONE


def _expected(cell: Cell, arguments: argparse.Namespace) -> tuple[Estimate, list[BudgetRow]]:
    """What it costs and, of a model that is to be deployed, where it fits."""
    context = make_context(cell.spec, cell.spec.seeds[0])
    method = arguments.method or cell.spec.execution.costs
    expected = estimate(cell.spec.task, context, method=method, samples=arguments.samples)
    return expected, deployed_fits(cell.spec.task, context) if isinstance(cell.spec.task, Datafree) else []


def _told(fits: list[BudgetRow]) -> dict[str, JsonValue]:
    return {"fits": plain([row.as_json() for row in fits])} if fits else {}


def _lines(cell: Cell, expected: Estimate) -> Iterator[str]:
    is_deployed = isinstance(cell.spec.task, Datafree)
    if cell.label:
        yield cell.label
    for name, (title, unit) in _TITLES.items():
        total = expected.totals[name]
        spread = f"  ({amount(total.low, unit)} to {amount(total.high, unit)})" if total.low != total.high else ""
        yield f"  {title:<16} {amount(total.expected, unit)}{spread}"
    if expected.straggler:
        title = "slowest device" if is_deployed else "slowest round"
        yield f"  {title:<16} {amount(expected.slowest_round_s, 's')}, waiting for {expected.straggler}"
    if expected.spread is not None:
        yield from spread_lines(expected.spread)
    for name, value in expected.metrics.items():
        yield f"  {name:<16} {value:.4g} after all rounds"
    if not is_deployed:
        yield f"  {'rounds':<16} {expected.num_rounds}, unless a target is reached before"
    yield f"  {'on this host':<16} about {duration(expected.host_s)} on one core"
    yield f"  {'':<16} {100 * expected.share_recalled:.0f} % of the cost rests on recalled figures"


def _fit_lines(fits: list[BudgetRow]) -> Iterator[str]:
    """Whether the model that is deployed fits, a line for each group of devices and precision."""
    if not fits:
        return
    width = max(len(row.group) for row in fits)
    yield "  the deployed model on the devices, in bytes needed of those there are"
    for row in fits:
        word = "fits" if row.fits else f"does not fit, {row.excess_bytes:,} B short"
        there = "?" if row.flash_available is None else f"{row.flash_available:,}"
        flash, ram = f"{row.flash_needed:,} of {there}", f"{row.ram_needed:,} of {row.ram_available:,}"
        yield f"  {row.group:<{width}}  {row.precision:<4}  {word:<32}  flash {flash}, memory {ram}"
