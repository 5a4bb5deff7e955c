"""What all file formats have in common: rows of nodes and edges, attributes by name."""

import json
from dataclasses import dataclass, field
from typing import Any

from engine.core.errors import Problem, SpecError

Row = dict[str, Any]

MOST_BYTES = 1 << 20
"""Greatest size of a file; that of a spec."""

MOST_NODES = 5000
"""Nodes of a file; as many as a drawn network has."""

MOST_EDGES = 20_000
"""Edges of a file; as many as a drawn network has."""


@dataclass
class Rows:
    """A network as a file says it.

    Attributes:
        nodes: by name, what is said about each node, in the order of the file.
        edges: ``source``, ``target`` and what else is said.
        facts: what is said about the whole, such as ``routes``.
        is_directed: whether an edge leads one way only.
    """

    nodes: dict[str, Row] = field(default_factory=dict)
    edges: list[Row] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    is_directed: bool = False

    def node(self, name: str) -> Row:
        """What is said about a node, which is new where it was not named before.

        Raises:
            SpecError: there are too many.
        """
        if name not in self.nodes and len(self.nodes) >= MOST_NODES:
            raise refusal("too_many_nodes", f"a network has up to {MOST_NODES:,} nodes; given: more")
        return self.nodes.setdefault(name, {})

    def join(self, source: str, target: str, row: Row) -> None:
        """Add an edge and, where they are new, its ends.

        Raises:
            SpecError: there are too many.
        """
        if len(self.edges) >= MOST_EDGES:
            raise refusal("too_many_edges", f"a network has up to {MOST_EDGES:,} edges; given: more")
        self.node(source)
        self.node(target)
        self.edges.append({"source": source, "target": target} | row)


def as_text(value: Any) -> str:
    """An attribute as formats without structure hold it: mappings as JSON."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict) else str(value)


def refusal(code: str, message: str, path: str = "") -> SpecError:
    """One thing that keeps a file from being read at all."""
    return SpecError([Problem(path, code, message)])
