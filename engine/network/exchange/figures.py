"""The link of an edge in a file: a link of the catalogue, one written out, or what a few plain figures make."""

import json
import math
from typing import Any

from engine.core.errors import Problem
from engine.network.catalogue import links
from engine.network.exchange.rows import Row

LINKS = ("link", "down_link")
"""Attributes that name a link: by its id in the catalogue, or written out as JSON."""

UNITS = {"k": 1e3, "m": 1e6, "g": 1e9}

RATES = ("rate_bps", "bandwidth_bps", "capacity_bps", "linkspeedraw", "bandwidth", "capacity")
"""Names under which other programs keep bits per second in both directions."""

LATENCIES = ("latency_s", "delay_s", "latency", "delay")
"""Names of the one-way latency in seconds."""

NO_ROUND_TRIP_S = 0.0


def wire_links(row: Row, path: str) -> tuple[dict[str, Any], list[Problem]]:
    """The fields ``link`` and ``down_link`` of an edge, as far as the file says something.

    Args:
        row: what is said about the edge.
        path: where the file says it.
    """
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in LINKS:
        value = row.get(name)
        if value is None:
            continue
        link = _written(value)
        if link is None:
            message = f"should be the id of a link in the catalogue, or a link as a mapping; given: {str(value)[:60]!r}"
            problems.append(Problem(f"{path}.{name}", "unknown_link", message))
        else:
            found[name] = link
    if "link" not in found and not problems:
        link, problems = _made(row, path)
        found |= {"link": link} if link else {}
    return found, problems


def _written(value: Any) -> Any:
    """A link's id, or the mapping that it is or that its text holds; None if it is neither."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) or (isinstance(value, str) and value in links()) else None


def _made(row: Row, path: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    """A link of the figures that stand in the row; None where there is no rate."""
    lower = {name.lower(): value for name, value in row.items()}
    problems: list[Problem] = []

    def number(*names: str, least: float = 0.0) -> float | None:
        for name in names:
            if lower.get(name) not in (None, ""):
                value = _number(lower[name])
                if value is None or value < least:
                    message = f"should be a number of at least {least:g}; given: {str(lower[name])[:60]!r}"
                    problems.append(Problem(f"{path}.{name}", "no_number", message))
                return value
        return None

    both = number(*RATES, least=1e-3)
    up, down = number("up_rate_bps", least=1e-3) or both, number("down_rate_bps", least=1e-3) or both
    one_way, round_trip, loss = number(*LATENCIES), number("rtt_s", "rtt"), number("loss", "packet_loss")
    if problems or not (up or down):
        return None, problems
    rtt = round_trip if round_trip is not None else 2 * one_way if one_way is not None else NO_ROUND_TRIP_S
    figures = {"up_rate": up or down, "down_rate": down or up, "rtt": rtt, "loss": loss or 0.0}
    shared = str(lower.get("shared_medium", "")).lower() in {"true", "1", "yes"}
    name = f"{_si(figures['up_rate'])} up, {_si(figures['down_rate'])} down, {rtt * 1e3:.6g} ms"
    name += f", {figures['loss']:.6g} lost" if loss else ""
    return {"name": name + (", shared" if shared else ""), **figures, "shared_medium": shared}, []


def _number(value: Any) -> float | None:
    """A finite number, also with a letter for thousands, millions or billions; None if it is none."""
    text = str(value).strip().lower()
    scale = UNITS.get(text[-1:], 1.0)
    try:
        number = float(text[:-1] if text[-1:] in UNITS else text) * scale
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _si(rate: float | None) -> str:
    """A rate as people write it."""
    value = rate or 0.0
    for letter, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:.10g} {letter}bit/s"
    return f"{value:.10g} bit/s"
