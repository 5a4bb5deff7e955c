"""A network drawn by hand, for tests of what can be done with it."""

from typing import Any

DRAWN: dict[str, Any] = {
    "topology": {
        "kind": "custom",
        "nodes": [
            {"name": "cloud", "role": "server", "x": 0.9, "y": 0.1},
            {"name": "roof", "role": "gateway", "x": 0.5, "y": 0.4},
            {"name": "shed", "group": "boards", "x": 0.2, "y": 0.8},
            {"name": "gate post", "group": "boards", "number": 1, "x": 0.8, "y": 0.9},
        ],
        "edges": [
            {"start": "cloud", "end": "roof", "link": "lte4g_modern", "down_link": "wan_fibre"},
            {"start": "roof", "end": "shed"},
            {"start": "roof", "end": "gate post", "link": "ieee802154_1hop"},
        ],
    },
    "links": {"boards": "wifi4_linux"},
}
"""Two gateways' worth of links in one network: six boards fit, one of them far away at the gate."""
