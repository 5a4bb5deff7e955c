"""The OpenAPI document is valid, complete, and the page shows it without help from other servers."""

import re

import pytest
from django.test import Client
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.webapp.api.client import ROOT
from webapp.api.access import ACCESS
from webapp.api.application import openapi_document
from webapp.api.kinds import KINDS
from webapp.api.resources import Artifact, Design, Experiment, Run, Token
from webapp.api.shapes import Resource

OPERATIONS = [
    (path, method, operation)
    for path, methods in openapi_document()["paths"].items()
    for method, operation in methods.items()
]


@pytest.mark.slow
def test_document_is_valid() -> None:
    OpenAPIV31SpecValidator(openapi_document()).validate()
    assert openapi_document()["openapi"].startswith("3.1")


def test_document_is_public_and_the_same(client: Client) -> None:
    assert client.get(f"{ROOT}/openapi.json").json() == openapi_document()
    assert client.post(f"{ROOT}/openapi.json").status_code == 405


def test_every_operation_is_there_and_documents_its_refusals() -> None:
    assert len(OPERATIONS) == sum(rule.level != "public" for rule in ACCESS.values())
    for path, method, operation in OPERATIONS:
        statuses = set(operation["responses"])
        assert {"401", "403", "422", "429", "500"} <= statuses, (path, method)
        assert min(statuses) < "300"
        assert operation["summary"]
        assert operation["security"]
        if "{" in path:
            assert "404" in statuses, (path, method)
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= statuses, (path, method)


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for *_, operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    schemas = openapi_document()["components"]["schemas"]
    referred = set(re.findall(r"#/components/schemas/([\w.]+)", repr(openapi_document())))
    assert referred <= set(schemas)


def test_specs_carry_the_engines_limits_and_units() -> None:
    schemas = openapi_document()["components"]["schemas"]
    mu = schemas["spec.FedProx"]["properties"]["mu"]
    assert (mu["minimum"], mu["default"]) == (0, 0.01)
    assert "ExperimentBody" in schemas
    assert schemas["spec.Execution"]["properties"]["checkpoint_s"]["unit"] == "s"


@pytest.mark.parametrize("resource", [Design, Experiment, Run, Artifact, Token])
def test_every_field_is_described(resource: type[Resource]) -> None:
    obvious = {"id", "name", "created_at", "updated_at", "started_at", "finished_at", "seed", "state", "kind", "run"}
    obvious |= {"experiment", "experiment_name", "cell", "version", "launched_at", "scopes", "media_type", "size_bytes"}
    undescribed = {name for name, field in resource.model_fields.items() if not field.description}
    assert undescribed <= obvious


@pytest.mark.slow
def test_reference_page_needs_nobody_else(client: Client, db: None) -> None:
    page = client.get(f"{ROOT}/docs").content.decode()
    for _, _, operation in OPERATIONS:
        assert f'id="{operation["operationId"]}"' in page
    for code in KINDS:
        assert f'id="problem-{code}"' in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    anchors = set(re.findall(r'href="#([^"]+)"', page))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page))
