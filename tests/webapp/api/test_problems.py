"""Whatever goes wrong is a problem document that says what is wrong and shows nothing of the inside."""

import pytest

from tests.webapp.api.client import Api, codes
from tests.webapp.api.conftest import Lab
from webapp.api.kinds import KINDS
from webapp.experiments import services
from webapp.experiments.models import Experiment, Run


@pytest.mark.parametrize("path", ["/nothing", "/runs/", "/runs/not-a-uuid", "/", "/fleets/../runs"])
def test_unknown_address(path: str, lab: Lab) -> None:
    response = lab.by("owner")("GET", path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_unknown_method_lists_those_there_are(lab: Lab) -> None:
    response = lab.by("owner")("PATCH", "/fleets")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert set(response["Allow"].replace(" ", "").split(",")) == {"GET", "POST"}


def test_head_answers_like_get(lab: Lab) -> None:
    assert lab.by("viewer").client.head("/api/v1/runs", headers=lab.by("viewer").headers).status_code == 200


def test_unknown_and_wrong_parameters_are_all_named(lab: Lab) -> None:
    assert codes(lab.by("viewer")("GET", "/runs", query={"sate": "done", "page": "2"})) == {
        "page": "unknown_parameter",
        "sate": "unknown_parameter",
    }
    wrong = lab.by("viewer")("GET", "/runs", query={"limit": "0", "seed": "x", "created_after": "yesterday"})
    assert wrong.status_code == 422
    assert set(codes(wrong)) == {"limit", "seed", "created_after"}
    assert codes(lab.by("viewer")("GET", "/runs", query={"state": "done,asleep"})) == {"state": "unknown_choice"}
    assert codes(lab.by("viewer")("GET", "/runs", query={"fields": "id,colour"})) == {"fields": "unknown_field"}


@pytest.mark.parametrize(
    "media_type", ["text/plain", "multipart/form-data", "application/xml", "", "application/json; charset=latin-1"]
)
def test_other_media_types(media_type: str, lab: Lab) -> None:
    response = lab.by("editor")("POST", "/fleets", "name: F", media_type=media_type)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_empty_body(lab: Lab) -> None:
    response = lab.by("editor")("POST", "/experiments", " \n")
    assert (response.status_code, response.json()["code"]) == (400, "unreadable_body")


def test_conflict_names_the_state(lab: Lab, run: Run) -> None:
    response = lab.by("runner")("POST", f"/runs/{run.pk}/resume")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")


def test_a_fault_of_ours_shows_a_number_and_nothing_else(
    lab: Lab, experiment: Experiment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> object:
        raise ZeroDivisionError("secret path /home/somebody")

    monkeypatch.setattr(services, "result_of", broken)
    response = lab.by("viewer")("GET", f"/experiments/{experiment.pk}/result")
    problem = response.json()
    assert (response.status_code, problem["code"]) == (500, "internal_error")
    assert "secret" not in response.content.decode()
    number = problem["detail"].split()[-1].rstrip(".")
    assert any(number in record.getMessage() and record.exc_info for record in caplog.records)


def test_every_kind_has_a_place_on_the_reference_page(lab: Lab) -> None:
    page = Api().client.get("/api/v1/docs").content.decode()
    for code in KINDS:
        assert f'id="problem-{code}"' in page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created_after", "0001-01-01T00:00:00+14:00"),
        ("created_before", "9999-12-31T23:59:59-14:00"),
        ("seed", "9" * 30),
        ("text", "a\0b"),
        ("limit", "9" * 30),
        ("cursor", "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwieCJd"),
        ("experiment", "1"),
    ],
)
def test_extreme_values_are_refused(name: str, value: str, lab: Lab) -> None:
    assert lab.by("viewer")("GET", "/runs", query={name: value}).status_code in {400, 422}


def test_a_parameter_stands_once(lab: Lab) -> None:
    response = lab.by("viewer")("GET", "/runs?state=done&state=failed")
    assert codes(response) == {"state": "repeated_parameter"}
