"""A team, a client signed in as each of its members, and designs to look at."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.webapp.people import People, make_people
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
def people(db: None) -> People:
    return make_people()


@pytest.fixture
def client_of(people: People) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


@pytest.fixture
def designs(people: People) -> dict[str, Any]:
    return {
        family: services.create(family, people.team, people["editor"], f"My {family}", body)
        for family, body in BODIES.items()
    }
