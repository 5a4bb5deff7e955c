"""One description for form, API, command line and docs."""

import json
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from engine.core.component import Component
from engine.core.figure import Figure
from engine.core.quantity import Quantity
from engine.core.units import Seconds, Unit
from engine.specs.describe import as_json, describe, title_of
from engine.specs.experiment import ExperimentSpec
from engine.specs.families import CATALOGUES, FAMILIES, names_of


class Part(Component):
    """A part."""

    size: int = 1
    """Its size."""


class Specimen(Component):
    """A component with a field
    of every sort.

    More about it.
    """

    source: ClassVar[str] = "A paper, section 2"
    kind: Literal["specimen"] = "specimen"
    weight: float = Field(default=0.5, ge=0, lt=10)
    """How heavy;
    two lines of help."""
    wait_s: Seconds = 1.0
    """A nested unit and bound."""
    counts: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1, max_length=3)] = (1, 2)
    """A list."""
    rates: dict[str, Annotated[float, Field(le=1), Unit("bit/s")]] = Field(default_factory=dict)
    """A mapping."""
    mode: Literal["a", "b"] | None = None
    """A choice that may be left out."""
    part: Part = Part()
    """An object."""
    either: str | Part = "x"
    """One of two shapes."""
    power: Annotated[Figure | None, Quantity("W", ge=0)] = None
    """A quantity."""
    name: str = Field(max_length=5, pattern="^a")
    """Required text."""
    flag: bool = False
    """Yes or no."""


DESCRIBED = describe(Specimen)


def test_a_component_tells_what_it_is() -> None:
    assert (DESCRIBED.kind, DESCRIBED.title) == ("specimen", "Specimen")
    assert DESCRIBED.summary == "A component with a field of every sort."
    assert DESCRIBED.details == "More about it."
    assert DESCRIBED.source == "A paper, section 2"
    assert [field.name for field in DESCRIBED.fields][:2] == ["weight", "wait_s"]  # the kind itself is no field


def test_a_bound_of_zero_survives() -> None:
    weight = DESCRIBED["weight"]
    assert (weight.type, weight.minimum, weight.exclusive_maximum, weight.maximum) == ("number", 0, 10, None)
    assert weight.help == "How heavy; two lines of help."
    assert (weight.default, weight.required, weight.optional) == (0.5, False, False)
    assert as_json(weight)["minimum"] == 0  # type: ignore[index, call-overload]


def test_nested_annotations_are_read() -> None:
    assert (DESCRIBED["wait_s"].unit, DESCRIBED["wait_s"].minimum) == ("s", 0)
    counts = DESCRIBED["counts"]
    assert (counts.type, counts.min_length, counts.max_length, counts.default) == ("list", 1, 3, [1, 2])
    assert counts.item is not None
    assert (counts.item.type, counts.item.exclusive_minimum, counts.item.path) == ("integer", 0, "counts.*")
    rates = DESCRIBED["rates"]
    assert rates.item is not None
    assert (rates.type, rates.default, rates.item.unit, rates.item.maximum) == ("mapping", {}, "bit/s", 1)


def test_choices_objects_alternatives_quantities_and_text() -> None:
    mode, part, either, power, name = (DESCRIBED[key] for key in ("mode", "part", "either", "power", "name"))
    assert (mode.type, mode.choices, mode.optional) == ("choice", ("a", "b"), True)
    assert (part.type, part.options[0]["size"].path, part.default) == ("object", "part.size", {"size": 1})
    assert (either.type, [variant.type for variant in either.variants]) == ("alternatives", ["text", "object"])
    assert (power.type, power.unit, power.minimum, power.optional) == ("quantity", "W", 0, True)
    assert (name.type, name.required, name.max_length, name.pattern) == ("text", True, 5, "^a")
    assert DESCRIBED["flag"].type == "boolean"


def test_a_family_offers_its_members_with_their_fields() -> None:
    task = describe(ExperimentSpec)["task"]
    assert (task.type, task.family, task.path) == ("union", "tasks", "task")
    (federated,) = [option for option in task.options if option.kind == "federated"]
    strategy = federated["strategy"]
    assert {option.kind for option in strategy.options} == set(FAMILIES["strategies"].members())
    (prox,) = [option for option in strategy.options if option.kind == "fedprox"]
    assert (prox["mu"].path, prox["mu"].minimum) == ("task.strategy.mu", 0)
    assert federated["partition"].optional


def test_a_catalogue_entry_is_offered_by_id_or_as_an_object() -> None:
    group = describe(ExperimentSpec)["fleet"].options[0]["groups"].item
    assert group is not None
    device = group.options[0]["device"]
    assert (device.type, device.family) == ("reference", "devices")
    assert "rpi_4b_4gb" in device.choices
    assert device.options[0]["ram_bytes"].unit == "B"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_member_of_every_family_is_documented(family: str) -> None:
    """Summary, source and help are what a person has to choose by."""
    for kind, member in FAMILIES[family].members().items():
        described = describe(member)
        assert described.summary, kind
        assert described.source, kind
        assert described.kind == kind
        for field in described.walk():
            assert field.help or not field.name, f"{kind}.{field.path} has no help text"


def test_every_field_of_an_experiment_is_documented() -> None:
    for field in describe(ExperimentSpec).walk():
        assert field.help or not field.name, field.path


def test_descriptions_are_plain_json() -> None:
    json.dumps(as_json(describe(ExperimentSpec)), allow_nan=False)


def test_names_of_families_and_catalogues() -> None:
    assert {"fedavg", "fedprox", "fedmax", "scaffold"} <= set(names_of("strategies"))
    assert {"digits", "mnist", "synthetic"} <= set(names_of("datasets"))
    assert "rpi_4b_4gb" in names_of("devices")
    assert "wifi4_linux" in names_of("links")
    assert set(CATALOGUES).isdisjoint(FAMILIES)


def test_the_schema_knows_every_field() -> None:
    schema = json.dumps(ExperimentSpec.model_json_schema())
    for word in ("fedprox", "target_accuracy", "checkpoint_s", "dirichlet", '"unit": "s"'):
        assert word in schema


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("num_parts", "Number of parts"),
        ("lr_decay", "Learning rate decay"),
        ("checkpoint_s", "Checkpoint"),
        ("iid", "IID"),
        ("s", "S"),
        ("active_power_w", "Active power"),
    ],
)
def test_titles_are_words(name: str, title: str) -> None:
    assert title_of(name) == title


def test_a_field_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="kind"):
        DESCRIBED["kind"]


def test_components_have_names_of_their_own() -> None:
    """Two classes of one name would stand in the schema with the path of their modules."""
    assert [name for name in ExperimentSpec.model_json_schema()["$defs"] if "__" in name] == []
