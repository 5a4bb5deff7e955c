"""A team with people, and a browserless client signed in as each."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.webapp.people import People, make_people


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
