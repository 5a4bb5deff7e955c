"""A network as a file that other programs read, and that gives the same network when it is read again."""

from typing import Any

from engine.core.nodes import SERVER, node_name
from engine.network.catalogue import links
from engine.network.exchange.formats import WRITERS, Format
from engine.network.exchange.rows import MOST_BYTES, MOST_NODES, Row, Rows, refusal
from engine.network.link import Link
from engine.network.network import Groups, Network
from engine.network.spec import NetworkSpec
from engine.network.topologies.custom import Custom


def write(spec: NetworkSpec, fleet: Groups, wanted: Format) -> str:
    """A network as a file, each edge with its link; a drawn one node by node, any other device by device.

    Args:
        spec: the network.
        fleet: a fleet that it fits.
        wanted: the format.

    Raises:
        SpecError: it does not fit the fleet, or is too large for a file.
    """
    network = spec.resolve(fleet)
    if isinstance(spec.topology, Custom) and spec.topology.nodes:
        rows = _of_drawing(spec.topology, network)
    else:
        rows = _of_network(network)
    text = WRITERS[wanted](rows)
    if len(text.encode()) > MOST_BYTES:
        raise refusal("too_large", f"the file would have {len(text.encode()):,} bytes; files hold up to {MOST_BYTES:,}")
    return text


def _of_network(network: Network) -> Rows:
    total = network.num_devices + network.num_gateways + 1
    if total > MOST_NODES:
        message = f"the network has {total:,} nodes, files hold up to {MOST_NODES:,}; take a smaller fleet"
        raise refusal("too_many_nodes", message)
    rows = Rows()
    rows.node(node_name(SERVER))["role"] = "server"
    device = 0
    for group, count in network.counts.items():
        for number in range(count):
            rows.node(node_name(device)).update(role="devices", group=group, number=number)
            device += 1
    for edge in network.edges():
        for node in (edge.lower, edge.upper):
            if node < SERVER:
                rows.node(node_name(node))["role"] = "gateway"
        told = _links(network.links[edge.link], network.links[edge.down])
        rows.join(node_name(edge.lower), node_name(edge.upper), told)
    return rows


def _of_drawing(topology: Custom, network: Network) -> Rows:
    rows = Rows()
    if topology.routes != "hops":
        rows.facts["routes"] = topology.routes
    for node in topology.nodes:
        said = node.model_dump(exclude={"name"}, exclude_none=True)
        rows.node(node.name).update(said)
    for edge, (up, down) in zip(topology.edges, topology.links_of(network), strict=True):
        rows.join(edge.start, edge.end, _links(network.links[up], network.links[down]))
    return rows


def _links(up: Link, down: Link) -> Row:
    row = {"link": _told(up)}
    return row if up == down else row | {"down_link": _told(down)}


def _told(link: Link) -> str | dict[str, Any]:
    """The id of a link that stands so in the catalogue; else all of it."""
    if link.id and links().get(link.id) == link:
        return link.id
    return link.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
