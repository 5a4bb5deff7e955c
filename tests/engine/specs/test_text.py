"""The one door: all problems with path, code and a message that says what is allowed and what was given."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import SpecError
from engine.specs import documents
from engine.specs.text import canonical, digest, parse, parse_tree, tree_of
from tests.engine.specs.specimens import LEAST, SMALL


def problems_of(text: str, *changes: str) -> dict[tuple[str, str], str]:
    """Messages by path and code."""
    with pytest.raises(SpecError) as caught:
        parse(text, settings=changes)
    return {(problem.path, problem.code): problem.message for problem in caught.value.problems}


def test_a_small_spec_is_complete() -> None:
    spec = parse(LEAST)
    assert spec.seeds == (0,)
    assert spec.task.kind == "federated"
    assert spec.fleet.num_devices > 0


def test_the_fixed_names_of_a_spec_are_read() -> None:
    spec = parse(SMALL)
    assert (spec.name, spec.seeds, spec.fleet.num_devices) == ("Small", (0, 1), 10)
    assert spec.task.strategy.mu == 0.1  # type: ignore[attr-defined]
    assert spec.task.sampler.num_clients == 5  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "path", "code", "words"),
    [
        ("seedz=1", "seedz", "unknown_field", ["'seedz'", "did you mean 'seeds'", "allowed here: version"]),
        ("task.strategy.muu=1", "task.strategy.muu", "unknown_field", ["'muu'", "did you mean 'mu'"]),
        ("task.strategy.mu=-1", "task.strategy.mu", "out_of_range", ["at least 0", "at most 10", "given -1"]),
        ("task.strategy.mu='0.1'", "task.strategy.mu", "wrong_type", ["a number", 'given "0.1"']),
        ("task.strategy.mu=.nan", "task.strategy.mu", "not_finite", ["finite", ".nan"]),
        ("task.rounds=1.5", "task.rounds", "wrong_type", ["a whole number", "given 1.5"]),
        ("task.rounds=3.0", "task.rounds", "wrong_type", ["a whole number", "given 3.0"]),
        ("task.rounds=true", "task.rounds", "wrong_type", ["a whole number", "given true"]),
        ("task.strategy={kind: fedavgg}", "task.strategy.kind", "unknown_kind", ["did you mean 'fedavg'", "scaffold"]),
        ("task.kind=swarm", "task.kind", "unknown_kind", ["allowed: ", "federated", '"swarm"']),
        ("task=7", "task", "wrong_type", ["a mapping with a kind", "given 7"]),
        ("fleet.groups=[]", "fleet", "no_group", ["at least one group", "given: none"]),
        ("fleet.groups.0.device=rpi_4b", "fleet.groups.0.device", "unknown_id", ["rpi_4b_4gb"]),
        ("fleet.groups.0.count=0", "fleet.groups.0.count", "out_of_range", ["at least 1", "given 0"]),
        ("fleet.groups.0.name=phones", "fleet", "duplicate_group", ["phones"]),
        ("network.links.boards=wifi", "network.links.boards", "unknown_id", ["wifi4_linux"]),
        ("network.links.robots=wifi4_linux", "network.links.robots", "unknown_group", ["boards", "'robots'"]),
        ("seeds=[1, 2, 1]", "seeds", "invalid", ["1 is repeated"]),
        ("seeds=[]", "seeds", "wrong_length", ["at least 1"]),
        ("seeds=[-1]", "seeds.0", "out_of_range", ["at least 0", "given -1"]),
        ("version=2", "version", "not_allowed", ["allowed: 1", "given 2"]),
        ("execution.costs=guess", "execution.costs", "not_allowed", ["closed_form", "monte_carlo", "events"]),
        ("execution.checkpoint_s=-1", "execution.checkpoint_s", "out_of_range", ["in s", "at least 0"]),
        ("task.sampler.num_clients=200", "task.sampler.num_clients", "", ["10 devices", "200"]),
        ("task.model={kind: lenet5}", "task.model", "does_not_fit", ["1x8x8"]),
        ("task.partition={kind: natural}", "task.partition.kind", "no_natural_clients", ["another partition"]),
        ("task.partition={kind: dirichlet, num_parts: 3}", "task.data_reuse", "", ["3 parts", "10 devices"]),
        ("task.model.hidden=[60000, 60000]", "task.model", "out_of_memory", ["phones", "bytes of memory"]),
    ],
)
def test_what_is_wrong_says_where_what_is_allowed_and_what_was_given(
    change: str, path: str, code: str, words: list[str]
) -> None:
    found = problems_of(SMALL, change)
    (place,) = {key for key in found if key[0] == path}
    assert place[1] == code or not code
    for word in words:
        assert word in found[place]


def test_all_problems_of_a_stage_come_at_once() -> None:
    found = problems_of(
        SMALL,
        "nmae=1",
        "seeds=[1.5]",
        "fleet.groups.1.count=0",
        "task.strategy.mu=-3",
        "task.local.lr='x'",
        "task.rounds=0",
    )
    assert set(found) == {
        ("nmae", "unknown_field"),
        ("seeds.0", "wrong_type"),
        ("fleet.groups.1.count", "out_of_range"),
        ("task.strategy.mu", "out_of_range"),
        ("task.local.lr", "wrong_type"),
        ("task.rounds", "out_of_range"),
    }


def test_cross_checks_come_together_too() -> None:
    found = problems_of(SMALL, "task.sampler.num_clients=99", "task.model={kind: lenet5}")
    assert {path.split(".")[1] for path, _ in found} == {"sampler", "model"}


def test_what_is_missing_is_named() -> None:
    found = problems_of("name: nothing")
    assert set(found) == {("fleet", "missing"), ("task", "missing")}
    assert set(problems_of("fleet: {}\ntask: {kind: federated}")) == {("task.dataset", "missing")}
    assert set(problems_of("fleet: {}\ntask: {rounds: 3}")) == {("task.kind", "missing")}


@pytest.mark.parametrize("version", ["2", "0", "'1'", "true", "null"])
def test_another_version_is_refused_before_anything_else(version: str) -> None:
    found = problems_of(f"version: {version}\nfleet: 7")
    assert list(found) == [("version", "unknown_version")]
    assert "reads version 1; given" in found["version", "unknown_version"]


@pytest.mark.parametrize("text", ["", "42", "[1, 2]", "just words", "null"])
def test_a_spec_is_a_mapping(text: str) -> None:
    assert list(problems_of(text)) == [("", "wrong_type")]


def test_canonical_text_is_complete_and_reads_back_as_the_same_spec() -> None:
    spec = parse(SMALL)
    text = canonical(spec)
    assert parse(text) == spec
    assert canonical(parse(text)) == text
    assert "momentum" in text
    assert "sweep" not in text
    assert digest(parse(text)) == digest(spec)


def test_json_and_yaml_say_the_same() -> None:
    assert parse(json.dumps(documents.load(SMALL))) == parse(SMALL)


def test_tree_of_what_was_set_reads_back_as_the_same_spec() -> None:
    spec = parse(LEAST)
    assert tree_of(spec) == documents.load(LEAST)
    assert parse_tree(tree_of(parse(SMALL))) == parse(SMALL)


@pytest.mark.parametrize(
    "change",
    [
        "name=Other",
        "seeds=[5]",
        "execution.checkpoint_s=1",
        "execution.costs=closed_form",
        "execution.threads=2",
        "task.strategy.mu=0.10",
        "task.data_reuse=false",
    ],
)
def test_the_digest_ignores_what_changes_no_result(change: str) -> None:
    assert digest(parse(SMALL, settings=[change])) == digest(parse(SMALL))


@pytest.mark.parametrize(
    "change",
    [
        "task.strategy.mu=0.2",
        "fleet.groups.0.count=7",
        "network.links.boards=wifi5",
        "task.local.path=per_client",
        "execution.costs=events",
    ],
)
def test_the_digest_covers_what_changes_results(change: str) -> None:
    assert digest(parse(SMALL, settings=[change])) != digest(parse(SMALL))


def test_the_digest_covers_data_figures_and_numerics(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = parse(SMALL)
    before = digest(spec)
    with monkeypatch.context() as patch:
        patch.setattr("engine.specs.text.NUMERICS_VERSION", 999)
        assert digest(spec) != before
    with monkeypatch.context() as patch:
        patch.setattr("engine.data.datasets.digits.Digits.checksum", lambda _: "0" * 64)
        assert digest(spec) != before
    with monkeypatch.context() as patch:
        device = spec.fleet.groups[0].resolved_device()
        slower = device.model_copy(update={"conv_rate": device.conv_rate.model_copy(update={"value": 1.0})})  # type: ignore[union-attr]
        patch.setattr("engine.fleet.group.GroupSpec.resolved_device", lambda _: slower)
        assert digest(spec) != before
    assert digest(spec) == before


def test_saved_parts_are_taken_by_value_and_overlaid() -> None:
    parts = {
        ("fleets", "f1"): {"groups": [{"name": "boards", "count": 30}]},
        ("tasks", "t1"): {
            "kind": "federated",
            "dataset": {"kind": "digits"},
            "strategy": {"kind": "fedprox", "mu": 0.5},
        },
    }
    text = "fleet: {saved: f1}\ntask: {saved: t1, rounds: 7, strategy: {kind: fedavg}}"
    spec = parse(text, saved=lambda family, key: parts[family, key])
    assert spec.fleet.num_devices == 30
    assert tree_of(spec)["task"] == {
        "kind": "federated",
        "dataset": {"kind": "digits"},
        "strategy": {"kind": "fedavg"},
        "rounds": 7,
    }
    with pytest.raises(SpecError) as caught:
        parse(
            "fleet: {saved: f2}\nnetwork: {saved: 3}\ntask: {saved: t1}", saved=lambda family, key: parts[family, key]
        )
    assert [(p.path, p.code) for p in caught.value.problems] == [
        ("fleet.saved", "unknown_saved"),
        ("network.saved", "unknown_saved"),
    ]
    assert list(problems_of("fleet: {saved: f1}\ntask: {kind: federated, dataset: {kind: digits}}")) == [
        ("fleet.saved", "unknown_saved")
    ]


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    [
        "version", "name", "seeds", "fleet", "fleet.groups", "fleet.groups.0", "fleet.groups.0.device", "network",
        "network.links", "network.links.boards", "network.topology", "task", "task.kind", "task.dataset", "task.model",
        "task.model.hidden", "task.strategy", "task.strategy.kind", "task.strategy.mu", "task.sampler", "task.local",
        "task.rounds", "execution", "sweep", "sweep.task", "task.partition", "task.evaluation", "fleet.groups.0.count",
    ]
)  # fmt: skip


def put(tree: Any, path: str, value: Any) -> Any:
    """The tree with the value at the path, whatever is there."""
    head, _, rest = path.partition(".")
    if isinstance(tree, list) and head == "0" and tree:
        return [put(tree[0], rest, value) if rest else value, *tree[1:]]
    if isinstance(tree, dict):
        return {**tree, head: put(tree.get(head), rest, value) if rest else value}
    return {head: value}


@pytest.mark.slow
@given(st.lists(st.tuples(fields, plain), min_size=1, max_size=3))
@settings(max_examples=400, deadline=None)
def test_no_tree_gets_past_the_door_as_another_error(changes: list[tuple[str, Any]]) -> None:
    tree = documents.load(SMALL)
    for path, value in changes:
        tree = put(tree, path, value)
    try:
        spec = parse_tree(documents.clean(tree))
    except SpecError as error:
        speechless = [problem for problem in error.problems if not (problem.message and problem.code)]
    else:
        speechless = []
        assert parse(canonical(spec)) == spec
    assert not speechless


@pytest.mark.slow
def test_the_door_loads_no_heavy_library() -> None:
    code = (
        "import sys; from engine.specs.text import parse; from tests.engine.specs.specimens import SMALL;"
        "parse(SMALL); print(sorted({'torch', 'scipy', 'sklearn', 'networkx', 'django'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_tag_of_thousands_of_letters_is_not_quoted_whole() -> None:
    with pytest.raises(SpecError) as error:
        parse("!" + 5000 * "9" + "!x y")
    assert len(error.value.problems[0].message) < 1100
