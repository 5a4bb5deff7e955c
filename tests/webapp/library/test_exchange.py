"""Networks that come from files and leave as files, on pages."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.webapp.library.drawings import DRAWN
from tests.webapp.people import People
from webapp.library.models import Network
from webapp.library.services import create

SignIn = Callable[[str], Client]
CSV = "source,target,rate_bps\nbase,gateway 1,100M\ngateway 1,a,250k\n"


def sent(text: str, name: str = "Roof.csv") -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, text.encode())


def test_a_file_becomes_a_network(client_of: SignIn, people: People) -> None:
    answer = client_of("editor").post("/networks/import", {"file": sent(CSV), "server": "base", "group": "motes"})
    network = Network.objects.of(people.team).get()
    assert answer["Location"] == f"/networks/{network.pk}/"
    assert network.name == "Roof"
    assert network.body["topology"]["nodes"][2] == {"name": "a", "role": "devices", "group": "motes", "number": 0}
    html = client_of("viewer").get(f"/networks/{network.pk}/").content.decode()
    assert "100 Mbit/s up" in html
    assert "as no saved fleet fits yet" in html


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (CSV, "Roof.csv", "no node is the server"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><graphml>&a;</graphml>", "x.graphml", "declares a document type or entities"),
        ("server", "x.csv", "source and target among them"),
        ("source,target\nserver,a\nb,c\n", "x.csv", "no way leads to the server from"),
        ("", "x.json", "is no JSON"),
    ],
)
def test_a_wrong_file_is_refused_and_nothing_typed_is_lost(
    client_of: SignIn, people: People, text: str, name: str, said: str
) -> None:
    answer = client_of("editor").post("/networks/import", {"file": sent(text, name), "name": "Mine", "group": "x"})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert said in html
    assert 'value="Mine"' in html
    assert not Network.objects.of(people.team).exists()


def test_without_a_file_it_is_asked_for(client_of: SignIn) -> None:
    answer = client_of("editor").post("/networks/import", {"name": "Mine"})
    assert (answer.status_code, "choose a file" in answer.content.decode().lower()) == (422, True)


@pytest.mark.parametrize("written", ["graphml", "csv", "json"])
def test_what_leaves_comes_back(client_of: SignIn, people: People, written: str) -> None:
    design = create("networks", people.team, people["editor"], "Farm", DRAWN)
    answer = client_of("viewer").get(f"/networks/{design.pk}/network.{written}")
    assert answer["Content-Disposition"] == f'attachment; filename="network.{written}"'
    client_of("editor").post("/networks/import", {"file": sent(answer.content.decode(), f"x.{written}")})
    again = Network.objects.of(people.team).get(name="x")
    assert {node["name"] for node in again.body["topology"]["nodes"]} == {"cloud", "roof", "shed", "gate post"}
    links = {edge["link"] for edge in again.body["topology"]["edges"]}
    assert links == {"lte4g_modern", "wifi4_linux", "ieee802154_1hop"}


@pytest.mark.slow
def test_what_cannot_be_a_file_is_said(client_of: SignIn, people: People) -> None:
    design = create("networks", people.team, people["editor"], "Wide", {"links": {"boards": "wifi4_linux"}})
    create("fleets", people.team, people["editor"], "Many", {"groups": [{"name": "boards", "count": 9000}]})
    answer = client_of("viewer").get(f"/networks/{design.pk}/network.csv", follow=True)
    assert "files hold up to 5,000" in answer.content.decode()
