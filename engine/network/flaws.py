"""What is wrong with a drawn network: all of it at once, by itself and for a fleet."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from engine.core.errors import Problem
from engine.network.drawn import Node, Wire

MOST_SHOWN = 5
"""Names that a message lists before it counts the rest."""


def flaws(nodes: Sequence[Node], edges: Sequence[Wire]) -> list[Problem]:
    """What is wrong whatever the fleet; paths are relative to the topology."""
    found = [*_names(nodes), *_roles(nodes), *_servers(nodes), *_edges(nodes, edges)]
    return found or _islands(nodes, edges)


def misfits(nodes: Sequence[Node], counts: Mapping[str, int]) -> list[Problem]:
    """What does not fit a fleet with that many devices by group."""
    placed = {(node.group, node.number) for node in nodes if node.role == "devices"}
    found = []
    for place, node in enumerate(nodes):
        if node.role != "devices" or node.group is None:
            continue
        count = counts.get(node.group)
        if count is None:
            message = f"is no group of the fleet; allowed are {', '.join(counts)}; given: {node.group!r}"
            found.append(Problem(f"nodes.{place}.group", "unknown_group", message))
        elif node.number is not None and node.number >= count:
            message = f"should be below the number of devices of group {node.group}, {count}; given: {node.number}"
            found.append(Problem(f"nodes.{place}.number", "unknown_device", message))
        elif node.number is None and _alone(placed, node.group, count) == count:
            message = f"stands for no device: all {count} of group {node.group} have nodes of their own; leave it out"
            found.append(Problem(f"nodes.{place}.number", "empty_node", message))
    for group, count in counts.items():
        missing = 0 if (group, None) in placed else count - _alone(placed, group, count)
        if missing:
            message = (
                f"{missing:,} of {count:,} devices of group {group} have no node; add a node of role devices with that "
                "group and without number, which stands for all the rest"
            )
            found.append(Problem("nodes", "unplaced_devices", message))
    return found


def _alone(placed: set[tuple[str | None, int | None]], group: str, count: int) -> int:
    """How many devices of a group have nodes of their own."""
    return sum(1 for owner, number in placed if owner == group and number is not None and number < count)


def _names(nodes: Sequence[Node]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, node in enumerate(nodes):
        if first.setdefault(node.name, place) != place:
            message = f"is the name of node {first[node.name]} already, each needs its own; given: {node.name!r}"
            yield Problem(f"nodes.{place}.name", "duplicate_node", message)


def _roles(nodes: Sequence[Node]) -> Iterator[Problem]:
    first: dict[tuple[str, int | None], int] = {}
    for place, node in enumerate(nodes):
        if node.role != "devices":
            for field in ("group", "number"):
                if getattr(node, field) is not None:
                    message = f"is for devices only; node {node.name!r} is a {node.role}: leave it out"
                    yield Problem(f"nodes.{place}.{field}", "not_of_devices", message)
        elif node.group is None:
            message = f"is missing: say of which group of the fleet {node.name!r} is"
            yield Problem(f"nodes.{place}.group", "missing_group", message)
        elif first.setdefault((node.group, node.number), place) != place:
            other = nodes[first[node.group, node.number]].name
            which = f"device {node.number} of group {node.group}" if node.number is not None else f"group {node.group}"
            message = f"{which} is node {other!r} already; given again as {node.name!r}"
            yield Problem(f"nodes.{place}.group", "duplicate_device", message)


def _servers(nodes: Sequence[Node]) -> Iterator[Problem]:
    servers = [node.name for node in nodes if node.role == "server"]
    if len(servers) != 1:
        given = listed(servers) if servers else "none"
        yield Problem("nodes", "one_server", f"should hold one node of role server; given: {given}")


def _edges(nodes: Sequence[Node], edges: Sequence[Wire]) -> Iterator[Problem]:
    names = {node.name for node in nodes}
    first: dict[frozenset[str], int] = {}
    for place, edge in enumerate(edges):
        for end in ("start", "end"):
            name = getattr(edge, end)
            if name not in names:
                near = get_close_matches(name, names, n=3, cutoff=0.5)
                hint = f"similar: {', '.join(near)}" if near else f"there are {listed(sorted(names))}"
                yield Problem(f"edges.{place}.{end}", "unknown_node", f"is no node; {hint}; given: {name!r}")
        if edge.start == edge.end:
            message = f"joins a node to itself; allowed is any other node; given: {edge.end!r}"
            yield Problem(f"edges.{place}.end", "loop", message)
        elif first.setdefault(frozenset((edge.start, edge.end)), place) != place:
            other = first[frozenset((edge.start, edge.end))]
            message = (
                f"joins {edge.start!r} and {edge.end!r} as edge {other} does; a pair is joined once, for both ways"
            )
            yield Problem(f"edges.{place}", "duplicate_edge", message)


def _islands(nodes: Sequence[Node], edges: Sequence[Wire]) -> list[Problem]:
    """Nodes from which no way leads to the server."""
    beside: dict[str, list[str]] = {node.name: [] for node in nodes}
    for edge in edges:
        beside[edge.start].append(edge.end)
        beside[edge.end].append(edge.start)
    waiting = [node.name for node in nodes if node.role == "server"]
    reached = set(waiting)
    while waiting:
        new = set(beside[waiting.pop()]) - reached
        reached |= new
        waiting += new
    lost = [node.name for node in nodes if node.name not in reached]
    if not lost:
        return []
    message = f"no way leads to the server from {listed(lost)}; add edges or take the nodes out"
    return [Problem("edges", "disconnected", message)]


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    rest = len(names) - MOST_SHOWN
    return ", ".join(repr(name) for name in names[:MOST_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
