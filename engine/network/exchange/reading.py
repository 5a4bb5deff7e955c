"""What a file says as a drawn network, with what is assumed where it says nothing."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from engine.core.errors import Problem, SpecError
from engine.network.drawn import Role
from engine.network.exchange.figures import wire_links
from engine.network.exchange.formats import READERS, Format
from engine.network.exchange.rows import MOST_BYTES, Row, Rows, refusal
from engine.network.wires import Metric

ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("server", "cloud", "sink", "root", "base station"), "server"),
    **dict.fromkeys(("gateway", "router", "hub", "switch", "edge", "access point", "ap"), "gateway"),
    **dict.fromkeys(("device", "devices", "sensor", "client", "node", "host"), "devices"),
}
"""What other programs call the roles of nodes."""

POINTS = (("x", "y"), ("longitude", "latitude"), ("lon", "lat"), ("lng", "lat"))
"""Pairs of attributes that say where a node stands; of the later ones the second grows upwards."""


@dataclass(frozen=True)
class Assumptions:
    """What is taken where a file says nothing.

    Attributes:
        server: name of the node that is the server; empty if the file says it.
        group: group of the devices.
    """

    server: str = ""
    group: str = "boards"


def read(data: bytes, written: Format, assumed: Assumptions) -> dict[str, Any]:
    """The network that a file holds, as the plain block of a spec; what its edges say of links is taken over.

    Args:
        data: the file.
        written: its format.
        assumed: what is taken where the file says nothing.

    Raises:
        SpecError: everything that is wrong with it.
    """
    if len(data) > MOST_BYTES:
        raise refusal("too_large", f"the file has {len(data):,} bytes; at most {MOST_BYTES:,} bytes are allowed")
    rows = READERS[written](data)
    if not rows.nodes:
        raise refusal("empty", "the file holds no nodes")
    problems: list[Problem] = []
    nodes = _nodes(rows, assumed, problems)
    edges = _edges(rows, problems)
    routes = rows.facts.get("routes", "hops")
    if routes not in get_args(Metric):
        message = f"should be one of {', '.join(get_args(Metric))}; given: {routes[:60]!r}"
        problems.append(Problem("routes", "wrong_choice", message))
    if problems:
        raise SpecError(problems)
    return {"topology": {"kind": "custom", "nodes": nodes, "edges": edges, "routes": routes}}


def _nodes(rows: Rows, assumed: Assumptions, problems: list[Problem]) -> list[Row]:
    if assumed.server and assumed.server not in rows.nodes:
        message = f"is no node of the file; given: {assumed.server[:60]!r}"
        problems.append(Problem("server", "unknown_node", message))
    points = _points(rows)
    nodes: list[Row] = []
    for number, (name, row) in enumerate(rows.nodes.items()):
        lower = {key.lower(): value for key, value in row.items()}
        said = str(lower.get("role") or lower.get("kind") or lower.get("type") or "").lower()
        role = "server" if name == assumed.server else ROLES.get(said) or _role_by_name(name)
        node: Row = {"name": name, "role": role} | points.get(name, {})
        if role == "devices":
            node["group"] = str(lower.get("group") or assumed.group)
            given = _whole(lower.get("number"))
            if lower.get("number") is not None and given is None:
                message = f"should be a whole number from 0; given: {str(lower['number'])[:60]!r}"
                problems.append(Problem(f"nodes.{number}.number", "no_number", message))
            if given is not None or said != "devices":
                node["number"] = given
        nodes.append(node)
    _count_devices(nodes)
    if not assumed.server and not any(node["role"] == "server" for node in nodes):
        message = "no node is the server; give one the role server, or say which node it is"
        problems.append(Problem("server", "no_server", message))
    return nodes


def _role_by_name(name: str) -> Role:
    head = name.lower().partition(":")[0].rstrip("0123456789 -_")
    return ROLES.get(head, "devices")


def _count_devices(nodes: list[Row]) -> None:
    """Give devices without a number the next one of their group."""
    taken = {(node["group"], node["number"]) for node in nodes if node.get("number") is not None}
    following: dict[str, int] = {}
    for node in nodes:
        if "number" in node and node["number"] is None:
            number = following.get(node["group"], 0)
            while (node["group"], number) in taken:
                number += 1
            node["number"] = number
            following[node["group"]] = number + 1


def _points(rows: Rows) -> dict[str, Row]:
    """Where the nodes stand, as shares of width and height; other scales are fitted where all nodes have a place."""
    for across, along in POINTS:
        found = {}
        for name, row in rows.nodes.items():
            lower = {key.lower(): value for key, value in row.items()}
            x, y = _finite(lower.get(across)), _finite(lower.get(along))
            if x is not None and y is not None:
                found[name] = (x, y)
        xs, ys = [x for x, _ in found.values()], [y for _, y in found.values()]
        if found and along == "y" and min(xs + ys) >= 0 and max(xs + ys) <= 1:
            return {name: {"x": x, "y": y} for name, (x, y) in found.items()}
        if len(found) < len(rows.nodes):
            continue
        scaled_x, scaled_y = _scaled(xs), _scaled(ys)
        if along != "y":
            scaled_y = [1 - y for y in scaled_y]
        return {name: {"x": x, "y": y} for name, x, y in zip(found, scaled_x, scaled_y, strict=True)}
    return {}


def _scaled(values: list[float]) -> list[float]:
    low, span = min(values), max(values) - min(values)
    return [round((value - low) / span, 4) if span else 0.5 for value in values]


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _finite(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def _edges(rows: Rows, problems: list[Problem]) -> list[Row]:
    edges: dict[tuple[str, str, str], Row] = {}
    for number, row in enumerate(rows.edges):
        found, wrong = wire_links(row, f"edges.{number}")
        problems += wrong
        ends = (row["source"], row["target"])
        # In a directed file both directions of one connection are two edges.
        key = (*(sorted(ends) if rows.is_directed else ends), json.dumps(found, sort_keys=True))
        if rows.is_directed and key in edges:
            continue
        edges[key if rows.is_directed else (*ends, str(number))] = {"start": ends[0], "end": ends[1], **found}
    return list(edges.values())
