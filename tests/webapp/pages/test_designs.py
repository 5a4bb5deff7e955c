"""Pages of fleets, networks and tasks, used as a browser without scripts uses them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.webapp.markup import all_ids, form_of
from tests.webapp.pages.conftest import BODIES
from tests.webapp.people import People
from webapp.library import services
from webapp.library.models import DESIGNS

SignIn = Callable[[str], Client]
FAMILIES = list(BODIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_saving_an_unchanged_form_changes_nothing(client_of: SignIn, designs: dict[str, Any], family: str) -> None:
    client, design = client_of("editor"), designs[family]
    form = form_of(client.get(f"/{family}/{design.pk}/edit").content.decode())
    answer = client.post(f"/{family}/{design.pk}/edit", form.values)
    assert answer.status_code == 302, answer.content.decode()
    design.refresh_from_db()
    assert design.body == BODIES[family]
    assert design.version == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_ids_of_a_form_are_unique_and_every_problem_leads_somewhere(
    client_of: SignIn, designs: dict[str, Any], family: str
) -> None:
    html = client_of("editor").get(f"/{family}/{designs[family].pk}/edit").content.decode()
    ids = all_ids(html)
    assert sorted(ids) == sorted(set(ids))


def test_a_design_is_made_step_by_step_without_scripts(client_of: SignIn, people: People) -> None:
    client = client_of("editor")
    form = form_of(client.get("/fleets/new").content.decode())
    form.values |= {"name": "Two groups", "fleet.groups.0.name": "boards", "fleet.groups.0.count": "7"}
    form = form_of(client.post("/fleets/new", {**form.values, "_edit": "add:fleet.groups"}).content.decode())
    assert form.values["name"] == "Two groups"
    form.values |= {"fleet.groups.1.name": "phones", "fleet.groups.1.device": "phone_mid_sd765g"}
    answer = client.post("/fleets/new", form.values, follow=True)
    (stored,) = DESIGNS["fleets"].objects.of(people.team)
    groups = [{"name": "boards", "count": 7}, {"name": "phones", "device": "phone_mid_sd765g"}]
    assert stored.body == {"groups": groups}
    assert "Saved fleet Two groups." in answer.content.decode()


def test_choosing_a_kind_shows_its_fields_and_keeps_the_others(client_of: SignIn) -> None:
    client = client_of("editor")
    form = form_of(client.get("/tasks/new").content.decode())
    form.values |= {"task:federated.strategy@kind": "fedprox", "_edit": "change"}
    form = form_of(client.post("/tasks/new", form.values).content.decode())
    assert form.values["task:federated.strategy:fedprox.mu"] == ""
    form.values |= {"task:federated.strategy:fedprox.mu": "0.25", "task:federated.strategy@kind": "fedmax"}
    html = client.post("/tasks/new", {**form.values, "_edit": "change"}).content.decode()
    assert form_of(html).values["task:federated.strategy:fedprox.mu"] == "0.25"
    assert 'name="task:federated.strategy:fedmax.beta"' in html


def test_all_problems_stand_at_their_fields_and_what_was_typed_stays(client_of: SignIn) -> None:
    client = client_of("editor")
    form = form_of(client.get("/fleets/new").content.decode())
    form.values |= {"name": "", "fleet.groups.0.name": "1 bad name", "fleet.groups.0.count": "none"}
    answer = client.post("/fleets/new", form.values)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "3 problems to solve" in html
    assert form_of(html).values["fleet.groups.0.count"] == "none"
    for anchor in ("f-fleet-groups-0-name", "f-fleet-groups-0-count"):
        assert f'href="#{anchor}"' in html
        assert f'id="{anchor}-problems"' in html
    assert 'id="name-problems"' in html
    assert not DESIGNS["fleets"].objects.exists()


def test_somebody_elses_change_is_not_overwritten(client_of: SignIn, designs: dict[str, Any], people: People) -> None:
    client, design = client_of("editor"), designs["fleets"]
    form = form_of(client.get(f"/fleets/{design.pk}/edit").content.decode())
    services.replace(design, people["owner"], "Theirs", {"groups": [{"name": "theirs"}]})
    answer = client.post(f"/fleets/{design.pk}/edit", {**form.values, "fleet.groups.0.count": "9"})
    assert answer.status_code == 409
    assert form_of(answer.content.decode()).values["fleet.groups.0.count"] == "9"
    design.refresh_from_db()
    assert design.name == "Theirs"


def test_the_yaml_twin_saves_too(client_of: SignIn, people: People) -> None:
    client = client_of("editor")
    form = form_of(client.get("/networks/new").content.decode())
    form = form_of(client.post("/networks/new", {**form.values, "_edit": "mode:yaml"}).content.decode())
    text = "network: {links: {default: lte4g_modern}}"
    answer = client.post("/networks/new", {**form.values, "name": "LTE", "_yaml": text})
    assert answer.status_code == 302
    assert DESIGNS["networks"].objects.of(people.team).get().body == {"links": {"default": "lte4g_modern"}}


def test_a_fragment_is_sent_for_htmx_alone(client_of: SignIn) -> None:
    client = client_of("editor")
    form = form_of(client.get("/fleets/new").content.decode())
    answer = client.post("/fleets/new", {**form.values, "_edit": "add:fleet.groups"}, headers={"HX-Request": "true"})
    html = answer.content.decode()
    assert html.lstrip().startswith("<form")
    assert "<html" not in html


@pytest.mark.parametrize("family", FAMILIES)
def test_delete_asks_first(client_of: SignIn, designs: dict[str, Any], family: str) -> None:
    client, address = client_of("editor"), f"/{family}/{designs[family].pk}/delete"
    assert "Keep it" in client.get(address).content.decode()
    assert DESIGNS[family].objects.exists()
    client.post(address)
    assert not DESIGNS[family].objects.exists()


def test_lists_search_and_go_on_by_keyset(client_of: SignIn, people: People) -> None:
    for number in range(55):
        services.create("fleets", people.team, people["editor"], f"Fleet {number}", BODIES["fleets"])
    client = client_of("viewer")
    first = client.get("/fleets/").content.decode()
    assert first.count('class="row"') == 50
    cursor = first.split("after=")[1].split('"')[0]
    second = client.get(f"/fleets/?after={cursor}").content.decode()
    assert second.count('class="row"') == 5
    assert client.get("/fleets/?q=fleet 54").content.decode().count('class="row"') == 1
    assert client.get("/fleets/?after=nonsense").content.decode().count('class="row"') == 50


def test_a_network_is_drawn_with_a_fleet_that_fits(client_of: SignIn, designs: dict[str, Any]) -> None:
    html = client_of("viewer").get(f"/networks/{designs['networks'].pk}/").content.decode()
    assert html.count("data-node=") == 5
    assert "5 devices (5 boards) reach the server" in html


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("runner", 403), ("editor", 200), ("stranger", 404)])
def test_only_editors_of_the_team_edit(client_of: SignIn, designs: dict[str, Any], name: str, status: int) -> None:
    assert client_of(name).get(f"/fleets/{designs['fleets'].pk}/edit").status_code == status


def test_strangers_see_nothing_and_nobody_signs_in(client_of: SignIn, designs: dict[str, Any]) -> None:
    for family, design in designs.items():
        assert client_of("stranger").get(f"/{family}/{design.pk}/").status_code == 404
        assert "My " not in client_of("stranger").get(f"/{family}/").content.decode()
        assert Client().get(f"/{family}/").status_code == 302
