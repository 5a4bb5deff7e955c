"""How the commands that tell costs let one choose, and show, how times are found."""

import argparse
from collections.abc import Iterator
from typing import Any, get_args

from engine.commands.output import amount
from engine.costs.timing import SAMPLES, Method

MOST_SAMPLES = 10_000
"""Of a Monte Carlo."""


def add_method(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how times are found."""
    parser.add_argument(
        "--method",
        choices=get_args(Method),
        help="how times are found: expected values, percentiles over many drawings of loss and jitter, or one event "
        "after another; default: as the experiment says (execution.costs)",
    )
    parser.add_argument(
        "--samples", metavar="N", type=_samples, default=SAMPLES, help="drawings of monte_carlo; default: %(default)s"
    )


def _samples(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 2 <= int(text) <= MOST_SAMPLES):
        raise argparse.ArgumentTypeError(f"allowed are whole numbers from 2 to {MOST_SAMPLES:,}, not {text!r}")
    return int(text)


def spread_lines(spread: dict[str, Any]) -> Iterator[str]:
    """Percentiles for people to read."""
    rows = [("a round", spread["round_s"]), *((f"a message, {name}", row) for name, row in spread["message_s"].items())]
    yield f"  {'':<20} {'median':>10} {'95 %':>10} {'99 %':>10}   of {spread['samples']} drawings"
    for title, row in rows:
        times = " ".join(f"{amount(row[name], 's'):>10}" for name in ("p50", "p95", "p99"))
        yield f"  {title:<20} {times}"
    if spread["followed"] == "nothing":
        yield "  messages are too long to be followed: expected times, without chance"
