"""The catalogue and the schema say what the engine says."""

import json

import pytest
from jsonschema import Draft202012Validator

from engine.federated.strategy import strategies
from engine.fleet.device import Device
from engine.fleet.own_devices import save_own_device
from engine.specs.families import CATALOGUES, FAMILIES
from engine.specs.presets import presets
from engine.specs.text import load
from tests.webapp.api.conftest import SPEC, Lab
from webapp.api.application import openapi_document


def test_all_families_with_all_kinds(lab: Lab) -> None:
    found = {family["family"]: family["kinds"] for family in lab.by("viewer").get("/catalogue")}
    expected = {name: list(registry.members()) for name, registry in FAMILIES.items()}
    figures = {name: list(rows()) for name, rows in CATALOGUES.items()}
    assert found == {**expected, **figures, "presets": list(presets())}
    assert {"fedavg", "fedprox", "fedmax", "scaffold"} <= set(found["strategies"])


@pytest.mark.parametrize("family", [*FAMILIES, *CATALOGUES])
def test_every_member_is_described(family: str, lab: Lab) -> None:
    api = lab.by("viewer")
    for member in api.get(f"/catalogue/{family}")["members"]:
        assert member["title"]
        entry = api.get(f"/catalogue/{family}/{member['kind']}")
        assert (entry["family"], entry["kind"]) == (family, member["kind"])
        if family in FAMILIES:
            assert entry["source"]
            assert entry["summary"]
            Draft202012Validator.check_schema(entry["json_schema"])
            assert entry["values"] is None
        else:
            assert entry["json_schema"] is None
            assert "provenance" in str(entry["values"])


def test_fields_carry_limits_and_help(lab: Lab) -> None:
    fields = {field["name"]: field for field in lab.by("viewer").get("/catalogue/strategies/fedprox")["fields"]}
    mu = fields["mu"]
    field = strategies["fedprox"].model_fields["mu"]
    assert (mu["name"], mu["default"], mu["minimum"]) == ("mu", field.default, 0)
    assert mu["help"] == " ".join((field.description or "").split())


def test_presets_carry_the_fields_that_they_set(lab: Lab) -> None:
    (found,) = (row for row in lab.by("viewer").get("/catalogue/presets")["members"] if row["kind"] == "fedbuff")
    assert found["title"] == "FedBuff"
    entry = lab.by("viewer").get("/catalogue/presets/fedbuff")
    assert entry["values"]["scheduler"]["kind"] == "buffered"
    assert entry["source"]


def test_unknown_family_and_kind(lab: Lab) -> None:
    missing = lab.by("viewer")("GET", "/catalogue/sorcery")
    assert missing.status_code == 404
    assert "strategies" in missing.json()["detail"]
    assert lab.by("viewer")("GET", "/catalogue/strategies/fedmagic").status_code == 404
    assert lab.by("viewer")("GET", "/catalogue/devices/abacus").status_code == 404


@pytest.mark.slow
def test_schema_of_specs_judges_like_the_door(lab: Lab) -> None:
    schema = lab.by("viewer").get("/schema")
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    tree = load(SPEC)
    assert validator.is_valid(tree)
    assert validator.is_valid({**tree, "fleet": {"saved": "7b1f6e3e-7a3b-4a4e-9f39-2f6b8f1f0a11"}})
    for wrong in (
        {**tree, "colour": "red"},
        {**tree, "seeds": ["x"]},
        {**tree, "task": {**tree["task"], "rounds": "many"}},
        {**tree, "task": {**tree["task"], "strategy": {"kind": "fedprox", "mu": -1}}},
        {key: value for key, value in tree.items() if key != "fleet"},
    ):
        assert not validator.is_valid(wrong), wrong


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_a_calibrated_device_is_there_without_a_restart(lab: Lab) -> None:
    api = lab.by("viewer")
    tree = {**load(SPEC), "fleet": {"groups": [{"name": "here", "count": 20, "device": "host_mine"}]}}
    assert not Draft202012Validator(api.get("/schema")).is_valid(tree)
    figures = {"name": "Mine", "conv_rate": 1e9, "ram_bytes": 1e9, "active_power_w": 1, "idle_power_w": 0}
    save_own_device("host_mine", Device.model_validate(figures))
    assert Draft202012Validator(api.get("/schema")).is_valid(tree)
    assert api.get("/catalogue/devices/host_mine")["title"] == "Mine"
    assert "host_mine" in json.dumps(openapi_document())
