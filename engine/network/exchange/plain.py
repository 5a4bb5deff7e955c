"""JSON with lists of nodes and edges, in the node-link form of D3 and networkx too."""

import json
from typing import Any

from engine.core.errors import Problem, SpecError
from engine.network.exchange.rows import Row, Rows, refusal

NODE_NAMES = ("id", "name", "key")
SOURCES = ("source", "start", "from")
TARGETS = ("target", "end", "to")


def read(data: bytes) -> Rows:
    """The rows of a document.

    Raises:
        SpecError: it is no JSON of that form; names every entry that is wrong.
    """
    try:
        tree = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise refusal("no_json", f"is no JSON: {error}") from None
    edges = tree.get("edges", tree.get("links")) if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(tree.get("nodes"), list) or not isinstance(edges, list):
        raise refusal("wrong_form", "holds no mapping with a list of nodes and a list of edges (or links)")
    rows = Rows(is_directed=tree.get("directed") is True)
    rows.facts = {key: value for key, value in tree.items() if isinstance(value, str)}
    problems = []
    for number, entry in enumerate(tree["nodes"]):
        found = _node(rows, entry)
        if not found:
            message = "should be a mapping with an id of its own, or a name"
            problems.append(Problem(f"nodes.{number}", "wrong_node", message))
    for number, entry in enumerate(edges):
        if not _edge(rows, entry):
            message = "should be a mapping with a source and a target that are ids of nodes"
            problems.append(Problem(f"edges.{number}", "wrong_edge", message))
    if problems:
        raise SpecError(problems)
    return rows


def _node(rows: Rows, entry: Any) -> bool:
    if not isinstance(entry, dict):
        return isinstance(entry, str | int) and _new(rows, str(entry), {})
    name = _first(entry, NODE_NAMES)
    return name is not None and _new(rows, name, {key: value for key, value in entry.items() if key not in NODE_NAMES})


def _new(rows: Rows, name: str, row: Row) -> bool:
    if name in rows.nodes:
        return False
    rows.node(name).update(row)
    return True


def _edge(rows: Rows, entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    source, target = _first(entry, SOURCES), _first(entry, TARGETS)
    if source is None or target is None or not {source, target} <= rows.nodes.keys():
        return False
    rows.join(source, target, {key: value for key, value in entry.items() if key not in (*SOURCES, *TARGETS)})
    return True


def _first(entry: Row, names: tuple[str, ...]) -> str | None:
    for name in names:
        value = entry.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return str(value)
    return None


def write(rows: Rows) -> str:
    """The rows as a document."""
    nodes = [{"id": name, **row} for name, row in rows.nodes.items()]
    return json.dumps({**rows.facts, "nodes": nodes, "edges": rows.edges}, indent=2, ensure_ascii=False) + "\n"
