"""The table in which a network is drawn: rows of nodes and connections, from a topology to a form and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from engine.core.errors import Problem, SpecError
from engine.core.nodes import node_name
from engine.fleet.group import FleetSpec
from engine.network.exchange.reading import Assumptions, read
from engine.network.exchange.writing import write
from engine.network.spec import NetworkSpec
from engine.network.topologies.custom import Custom
from webapp.library.drawing import CENTER, RELAYED, draw

MOST_ROWS = 300
"""Nodes of a network that can be drawn by hand; larger ones are edited as YAML or imported."""

NODE_FIELDS = ("name", "role", "group", "number", "x", "y")
EDGE_FIELDS = ("start", "end", "link", "down_link")
LAYERS = {"server": 8.0, "gateway": 45.0, "devices": 88.0}
"""How far down nodes stand of which nothing else is said, in percent."""

Row = dict[str, str]


@dataclass
class Sheet:
    """Rows as text, the way a form holds them.

    Attributes:
        nodes: with ``NODE_FIELDS``; places in percent of width and height.
        edges: with ``EDGE_FIELDS``; a link by its id, or by its name if it is one of the network's own.
        routes: what makes a way the best.
        own: the network's own links by name.
    """

    nodes: list[Row]
    edges: list[Row]
    routes: str = "hops"
    own: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def new(cls) -> "Sheet":
        """Where a drawing begins: a group of devices at a gateway, and the server."""
        nodes = [
            _node(name="server", role="server", x="50", y="10"),
            _node(name="gateway", role="gateway", x="50", y="48"),
            _node(name="boards", group="boards", x="50", y="86"),
        ]
        return cls(nodes, [_edge(start="boards", end="gateway"), _edge(start="gateway", end="server")])

    @classmethod
    def of_network(cls, network: NetworkSpec, fleet: FleetSpec) -> "Sheet":
        """The rows of a network; of one that was not drawn, device by device.

        Args:
            network: the network.
            fleet: a fleet that it fits.

        Raises:
            SpecError: it has too many nodes to be drawn by hand.
        """
        places: Mapping[str, tuple[float, float]] = {}
        if isinstance(network.topology, Custom) and network.topology.nodes:
            tree = network.topology.model_dump(mode="json", exclude_none=True)
        else:
            if fleet.num_devices > MOST_ROWS:
                raise _too_many(fleet.num_devices)
            tree = read(write(network, fleet, "json").encode(), "json", Assumptions())["topology"]
            drawing = draw(fleet.resolve(), network.topology, network.resolve(fleet))
            places = {node_name(node.id): (node.x, node.y) for node in (*drawing.devices, *drawing.hubs)}
        if len(tree["nodes"]) > MOST_ROWS:
            raise _too_many(len(tree["nodes"]))
        sheet = cls([], [], tree["routes"])
        for node in tree["nodes"]:
            row = _node(**{name: str(value) for name, value in node.items()})
            for name in ("x", "y"):
                row[name] = _percent(node[name]) if name in node else ""
            if node["name"] in places:
                row["x"], row["y"] = _shares(places[node["name"]])
            sheet.nodes.append(row)
        for edge in tree["edges"]:
            ends = {"start": edge["start"], "end": edge["end"]}
            links = {name: sheet.name_of(edge[name]) for name in ("link", "down_link") if name in edge}
            sheet.edges.append(_edge(**ends, **links))
        _stand(sheet.nodes)
        return sheet

    @classmethod
    def of_post(cls, post: QueryDict) -> "Sheet":
        """The rows that a form sent.

        Raises:
            SpecError: there are more than can be drawn.
        """
        columns = {name: post.getlist(f"node-{name}") for name in NODE_FIELDS}
        nodes = [_node(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=False)]
        columns = {name: post.getlist(f"edge-{name}") for name in EDGE_FIELDS}
        edges = [_edge(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=False)]
        if len(nodes) > MOST_ROWS:
            raise _too_many(len(nodes))
        return cls(nodes, edges, post.get("routes", "hops"), _own(post.get("own", "")))

    def name_of(self, link: Any) -> str:
        """A link as a row holds it; one written out is remembered."""
        if isinstance(link, str):
            return link
        name = str(link.get("id") or link.get("name", ""))
        self.own[name] = link
        return name

    def edit(self, action: str) -> None:
        """Add or remove a row, for browsers without scripts: ``add-node``, ``remove-edge:3`` and the like."""
        verb, _, number = action.partition(":")
        rows, make = (self.edges, _edge) if verb.endswith("edge") else (self.nodes, _node)
        if verb.startswith("add"):
            rows.append(make())
        elif number.isdigit() and int(number) < len(rows):
            del rows[int(number)]

    def topology(self) -> dict[str, Any]:
        """The topology that the rows say, as the plain block of a spec.

        Raises:
            SpecError: cells that should hold numbers and do not.
        """
        problems: list[Problem] = []
        nodes = [_plain_node(place, row, problems) for place, row in enumerate(self.nodes)]
        if problems:
            raise SpecError(problems)
        edges = []
        for row in self.edges:
            links = {name: self.own.get(row[name], row[name]) for name in ("link", "down_link") if row[name]}
            edges.append({"start": row["start"], "end": row["end"], **links})
        return {"kind": "custom", "nodes": nodes, "edges": edges, "routes": self.routes}

    @property
    def own_json(self) -> str:
        """The network's own links, for a hidden field."""
        return json.dumps(self.own) if self.own else ""


def _node(**cells: str) -> Row:
    return (
        {"name": "", "role": "devices"} | dict.fromkeys(NODE_FIELDS[2:], "") | {k: v.strip() for k, v in cells.items()}
    )


def _edge(**cells: str) -> Row:
    return dict.fromkeys(EDGE_FIELDS, "") | {name: value.strip() for name, value in cells.items()}


def _plain_node(place: int, row: Row, problems: list[Problem]) -> dict[str, Any]:
    node: dict[str, Any] = {"name": row["name"], "role": row["role"]}
    if row["group"]:
        node["group"] = row["group"]
    if row["number"]:
        number = _number(row["number"])
        if number is None or number != int(number):
            message = f"should be a whole number from 0; given: {row['number'][:60]!r}"
            problems.append(Problem(f"topology.nodes.{place}.number", "no_number", message))
        else:
            node["number"] = int(number)
    for name in ("x", "y"):
        if not row[name]:
            continue
        share = _number(row[name])
        if share is None or not 0 <= share <= 100:
            message = f"should be a number from 0 to 100; given: {row[name][:60]!r}"
            problems.append(Problem(f"topology.nodes.{place}.{name}", "no_number", message))
        else:
            node[name] = round(share / 100, 4)
    return node


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None


def _own(text: str) -> dict[str, Any]:
    try:
        tree = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _too_many(count: int) -> SpecError:
    message = (
        f"the network has {count:,} nodes; up to {MOST_ROWS} are drawn by hand, more are edited as YAML or imported"
    )
    return SpecError([Problem("topology", "too_many_nodes", message)])


def _percent(share: float) -> str:
    return f"{100 * share:.6g}"


def _shares(place: tuple[float, float]) -> tuple[str, str]:
    """A place in the picture as percent of what nodes may use of it."""
    found = [(place[k] - CENTER[k] + RELAYED[k]) / (2 * RELAYED[k]) for k in (0, 1)]
    x, y = (f"{100 * min(1.0, max(0.0, share)):.4g}" for share in found)
    return x, y


def _stand(nodes: Sequence[Row]) -> None:
    """Give nodes without a place one: the server above the gateways above the devices."""
    for role, height in LAYERS.items():
        row = [node for node in nodes if node["role"] == role and not (node["x"] and node["y"])]
        for place, node in enumerate(row):
            node["x"], node["y"] = f"{100 * (place + 0.5) / len(row):.4g}", f"{height:g}"
