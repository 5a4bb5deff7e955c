"""The generated forms: nothing is lost between document, form and request, and every limit is the engine's."""

import json
from pathlib import Path

import pytest
from django.http import QueryDict
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem, SpecError
from engine.specs.describe import describe
from engine.specs.documents import load
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import canonical, parse
from tests.environment import ROOT
from webapp.specforms.form import SpecForm
from webapp.specforms.node import Choice, limits_of
from webapp.specforms.root import Root
from webapp.specforms.sweep import Sweep

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
SPEC = describe(ExperimentSpec)
SKIPPED = {"version"}


def roots(*names: str) -> tuple[Root, ...]:
    wanted = names or [field.name for field in SPEC.fields if field.name not in SKIPPED]
    return tuple(
        Root(SPEC[name], own_shape=Sweep(SPEC[name], SPEC)) if name == "sweep" else Root(SPEC[name]) for name in wanted
    )


def posted(form: SpecForm, **changes: str) -> SpecForm:
    """The form as the next request brings it, with some inputs changed."""
    query = QueryDict(mutable=True)
    query.update({**form.raw, **changes})
    return SpecForm.of_post(form.roots, query)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_goes_through_the_form_unchanged(path: Path) -> None:
    tree = {name: value for name, value in load(path.read_text()).items() if name not in SKIPPED}
    form = SpecForm.of_tree(roots(), tree)
    assert form.yaml is None
    assert form.tree() == tree
    assert posted(form).tree() == tree


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_complete_text_goes_through_the_form_and_means_the_same(path: Path) -> None:
    spec = parse(path.read_text())
    form = SpecForm.of_tree(roots(), {k: v for k, v in load(canonical(spec)).items() if k not in SKIPPED})
    assert form.yaml is None
    assert ExperimentSpec.model_validate_json(json.dumps(form.tree()), strict=True) == spec


def test_what_was_typed_for_another_kind_comes_back() -> None:
    form = SpecForm.of_tree(roots("task"), {"task": {"kind": "federated", "strategy": {"kind": "fedprox", "mu": 0.3}}})
    other = posted(form, **{"task:federated.strategy@kind": "fedavg"})
    assert other.tree()["task"]["strategy"] == {"kind": "fedavg"}
    (union,) = [node for top in other.nodes for node in top.walk() if node.name == "task:federated.strategy@kind"]
    assert union.hidden == {"task:federated.strategy:fedprox.mu": "0.3"}
    back = posted(other, **{"task:federated.strategy@kind": "fedprox"})
    assert back.tree()["task"]["strategy"] == {"kind": "fedprox", "mu": 0.3}


def test_text_that_is_no_number_stays_and_gets_its_problem() -> None:
    form = posted(SpecForm.of_tree(roots("task"), {"task": {"kind": "federated"}}), **{"task:federated.rounds": "many"})
    assert form.tree()["task"]["rounds"] == "many"
    form.refuse([Problem("task.rounds", "wrong_type", "should be a whole number; given: 'many'")])
    (node,) = [node for top in form.nodes for node in top.walk() if node.name == "task:federated.rounds"]
    assert (node.value, node.problems) == ("many", ["should be a whole number; given: 'many'"])
    assert form.listed_problems == [
        ("f-task-federated-rounds", "task.rounds", "should be a whole number; given: 'many'")
    ]
    assert form.lost_problems == []


def test_a_problem_without_an_input_of_its_own_leads_to_the_nearest_one() -> None:
    form = SpecForm.of_tree(roots("task"), {"task": {"kind": "federated"}})
    form.refuse([Problem("task.strategy.surprise", "unknown_field", "is no field")])
    assert form.listed_problems[0][0] == "f-task-federated-strategy-kind"
    assert [problem.path for problem in form.lost_problems] == ["task.strategy.surprise"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-2", -2),
        ("1e-3", 0.001),
        (" 0.5 ", 0.5),
        ("1,5", "1,5"),
        ("nan", "nan"),
        ("0x10", "0x10"),
        ("1_0", "1_0"),
    ],
)
def test_numbers_are_what_a_person_means_or_stay_text(text: str, value: object) -> None:
    form = posted(SpecForm.of_tree(roots("task"), {"task": {"kind": "federated"}}), **{"task:federated.rounds": text})
    assert form.tree()["task"]["rounds"] == value


def test_a_bound_of_zero_survives() -> None:
    class Limits(Component):
        """Bounds of each sort."""

        both: float = Field(default=0.5, ge=0, le=10)
        """Zero to ten."""
        above: float = Field(default=1.0, gt=0)
        """Above zero."""
        most: int = Field(default=0, le=0)
        """At most zero."""

    described = describe(Limits)
    assert [limits_of(field) for field in described.fields] == ["0 to 10", "above 0", "at most 0"]


def test_items_are_added_removed_and_keep_their_own_numbers() -> None:
    form = SpecForm.of_tree(roots("fleet"), {"fleet": {"groups": [{"name": "a"}, {"name": "b"}]}})
    form.edit("remove:fleet.groups.0")
    form.edit("add:fleet.groups")
    assert form.raw["fleet.groups#"] == "1 2"
    assert form.tree() == {"fleet": {"groups": [{"name": "b"}, {}]}}
    assert [node.place.path for node in form.nodes[0].children[0].children] == ["fleet.groups.0", "fleet.groups.1"]


def test_links_are_assigned_to_groups_by_name() -> None:
    form = SpecForm.of_tree(roots("network"), {"network": {"links": {"boards": "wifi4_linux"}}})
    form.edit("add:network.links")
    form.raw |= {"network.links.1@key": "phones", "network.links.1": "lte4g_modern"}
    assert form.tree() == {"network": {"links": {"boards": "wifi4_linux", "phones": "lte4g_modern"}}}
    form.raw["network.links.1@key"] = "boards"
    assert list(form.tree()["network"]["links"]) == ["boards", "boards (given twice)"]


def test_no_backhaul_is_told_from_the_default_one() -> None:
    nothing = SpecForm.of_tree(roots("network"), {"network": {"backhaul": None, "links": {"a": "wifi4_linux"}}})
    assert nothing.tree()["network"]["backhaul"] is None
    unset = SpecForm.of_tree(roots("network"), {"network": {"links": {"a": "wifi4_linux"}}})
    assert "backhaul" not in unset.tree()["network"]


def test_a_figure_keeps_its_provenance_until_its_number_changes() -> None:
    figure = {"value": 3, "unit": "W", "provenance": "read", "source": "a data sheet"}
    device = {"name": "mine", "ram_bytes": 100_000, "active_power_w": figure, "idle_power_w": 0}
    form = SpecForm.of_tree(roots("fleet"), {"fleet": {"groups": [{"device": device}]}})
    assert form.tree()["fleet"]["groups"][0]["device"] == device
    changed = posted(form, **{"fleet.groups.0.device:own.active_power_w": "4"})
    assert changed.tree()["fleet"]["groups"][0]["device"]["active_power_w"] == 4


def test_the_yaml_twin_says_the_same_and_keeps_what_is_broken() -> None:
    tree = {"fleet": {"groups": [{"name": "boards", "count": 3}]}}
    form = SpecForm.of_tree(roots("fleet"), tree)
    form.edit("mode:yaml")
    assert form.yaml is not None
    assert load(form.yaml) == tree
    form.edit("mode:form")
    assert form.yaml is None
    assert form.tree() == tree
    form.yaml = "fleet: {groups: ["
    form.edit("mode:form")
    assert form.yaml == "fleet: {groups: ["
    assert form.problems


def test_yaml_that_names_the_current_version_goes_back_to_the_form() -> None:
    form = SpecForm(roots("fleet"), yaml="version: 1\nfleet: {groups: [{name: boards}]}")
    form.edit("mode:form")
    assert form.yaml is None
    assert form.tree() == {"fleet": {"groups": [{"name": "boards"}]}}
    other = SpecForm(roots("fleet"), yaml="version: 99\nfleet: {groups: [{name: boards}]}")
    other.edit("mode:form")
    assert other.yaml is not None


def test_what_the_form_has_no_field_for_stays_yaml() -> None:
    form = SpecForm.of_tree(roots("fleet"), {"fleet": {"groups": [], "surprise": 1}})
    assert form.yaml is not None
    assert "surprise" in form.yaml
    form.edit("mode:form")
    assert form.yaml is not None
    assert form.notes


def test_yaml_that_is_no_mapping_is_refused() -> None:
    form = SpecForm(roots("fleet"), yaml="- 1")
    with pytest.raises(SpecError, match="a mapping is needed"):
        form.tree()


def test_a_saved_part_is_chosen_with_changes_on_top() -> None:
    root = Root(SPEC["task"], saved=[Choice("abc", "Digits")])
    form = SpecForm.of_tree((root,), {"task": {"saved": "abc", "rounds": 5}})
    assert form.yaml is None
    assert form.tree() == {"task": {"saved": "abc", "rounds": 5}}
    unset = posted(form, **{"task@saved": ""})
    assert "task" not in unset.tree()


def test_a_sweep_is_one_value_a_line() -> None:
    sweep = {"task.strategy": [{"kind": "fedavg"}, {"kind": "fedmax", "beta": 100.0}], "task.local.lr": [0.1, 0.05]}
    form = SpecForm.of_tree(roots("sweep"), {"sweep": sweep})
    assert form.raw["sweep.0@values"].splitlines() == ["{kind: fedavg}", "{kind: fedmax, beta: 100.0}"]
    assert form.tree() == {"sweep": sweep}
    form.edit("line:sweep.0@values={kind: scaffold}")
    assert form.tree()["sweep"]["task.strategy"][-1] == {"kind": "scaffold"}


def test_seeds_may_be_a_row() -> None:
    form = SpecForm(roots("seeds"), {"seeds": "0..3, 7"})
    assert form.tree() == {"seeds": [0, 1, 2, 3, 7]}
