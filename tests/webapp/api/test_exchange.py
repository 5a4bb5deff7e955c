"""Networks as files over REST."""

import json

from tests.webapp.api.client import codes
from tests.webapp.api.conftest import Lab
from webapp.library.models import Fleet, Network

EDGES = "source,target,link\nserver,gateway 1,wan_fibre\ngateway 1,a,ble5_1m\n"


def test_a_file_goes_in_and_comes_out(lab: Lab) -> None:
    made = lab.by("editor")("POST", "/networks/import", {"name": "Roof", "data": EDGES, "group": "motes"})
    assert made.status_code == 201, made.content
    sent = made.json()
    assert made["Location"] == f"/api/v1/networks/{sent['id']}"
    assert [edge["link"] for edge in sent["body"]["topology"]["edges"]] == ["wan_fibre", "ble5_1m"]
    viewer = lab.by("viewer")
    out = viewer("GET", f"/networks/{sent['id']}/export?format=csv")
    assert out.content.decode().splitlines()[1].startswith("server,gateway 1,wan_fibre")
    tree = json.loads(viewer("GET", f"/networks/{sent['id']}/export?format=json").content)
    again = lab.by("editor")("POST", "/networks/import", {"name": "Again", "data": json.dumps(tree), "format": "json"})
    assert again.json()["body"] == sent["body"]


def test_all_problems_of_a_file_stand_at_their_places(lab: Lab) -> None:
    data = "source,target,link,rate_bps\na,b,wifi99,\nb,c,,fast\n"
    answer = lab.by("editor")("POST", "/networks/import", {"name": "Roof", "data": data})
    assert answer.status_code == 422
    found = codes(answer)
    assert found == {"file.edges.0.link": "unknown_link", "file.edges.1.rate_bps": "no_number", "server": "no_server"}
    assert not Network.objects.exists()


def test_an_export_takes_the_fleet_that_is_named(lab: Lab) -> None:
    network = Network.objects.create(team=lab.team, name="Star", body={})
    fleet = Fleet.objects.create(team=lab.team, name="F", body={"groups": [{"name": "boards", "count": 3}]})
    path = f"/networks/{network.pk}/export?format=csv"
    assert len(lab.by("viewer")("GET", f"{path}&fleet={fleet.pk}").content.decode().splitlines()) == 1 + 3 + 1
    other = lab.by("viewer")("GET", f"{path}&fleet={network.pk}")
    assert other.status_code == 404
    body = {"topology": {"kind": "custom", "nodes": [{"name": "s", "role": "server"}, {"name": "x", "group": "x"}]}}
    body["topology"]["edges"] = [{"start": "s", "end": "x"}]
    drawn = Network.objects.create(team=lab.team, name="Drawn", body=body)
    wrong = lab.by("viewer")("GET", f"/networks/{drawn.pk}/export?fleet={fleet.pk}")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_spec")
