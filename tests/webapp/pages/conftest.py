"""A team, a client signed in as each of its members, and designs to look at."""

from typing import Any

import pytest

from tests.webapp.people import People
from webapp.library import services

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 5}]}
NETWORK = {"topology": {"kind": "star"}, "links": {"boards": "wifi4_linux"}, "backhaul": None}
TASK = {
    "kind": "federated",
    "dataset": {"kind": "digits"},
    "partition": {"kind": "iid"},
    "model": {"kind": "mlp", "hidden": []},
    "strategy": {"kind": "fedprox", "mu": 0.5},
    "sampler": {"kind": "uniform", "num_clients": 2},
    "rounds": 3,
}
BODIES: dict[str, dict[str, Any]] = {"fleets": FLEET, "networks": NETWORK, "tasks": TASK}


@pytest.fixture
def designs(people: People) -> dict[str, Any]:
    return {
        family: services.create(family, people.team, people["editor"], f"My {family}", body)
        for family, body in BODIES.items()
    }
