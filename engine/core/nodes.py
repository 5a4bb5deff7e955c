"""How a place in the network is written as one integer, so that a million of them fit into a column.

Device ``i`` is node ``i``; the server is node -1; gateway ``k`` is node ``-2 - k``.
"""

SERVER = -1
"""The node id of the server."""


def gateway_node(gateway: int) -> int:
    """The node id of the gateway with that number, counted from 0."""
    return -2 - gateway


def node_name(node: int) -> str:
    """A node as users read it: ``device:3``, ``server`` or ``gateway:0``."""
    if node >= 0:
        return f"device:{node}"
    return "server" if node == SERVER else f"gateway:{-2 - node}"
