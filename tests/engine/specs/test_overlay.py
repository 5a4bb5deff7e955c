"""Overlays, settings and grids: one rule for all."""

import pytest

from engine.core.errors import SpecError
from engine.specs.overlay import apply_overrides, overlay, place
from engine.specs.text import cells, digest, parse, tree_of
from tests.engine.specs.specimens import LEAST, SMALL


def test_mappings_merge_lists_replace_and_another_kind_replaces_whole() -> None:
    base = {"rounds": 3, "strategy": {"kind": "fedprox", "mu": 1}, "model": {"kind": "mlp", "hidden": [1, 2]}}
    change = {"strategy": {"kind": "fedavg"}, "model": {"hidden": [3]}, "local": {"lr": 1}}
    assert overlay(base, change) == {
        "rounds": 3,
        "strategy": {"kind": "fedavg"},
        "model": {"kind": "mlp", "hidden": [3]},
        "local": {"lr": 1},
    }
    assert base["strategy"] == {"kind": "fedprox", "mu": 1}
    assert overlay({"kind": "fedprox", "mu": 1}, {"kind": "fedprox", "mu": 2}) == {"kind": "fedprox", "mu": 2}
    assert overlay({"a": 1}, 3) == 3
    assert overlay(None, {"a": 1}) == {"a": 1}


def test_settings_are_read_like_the_spec_and_laid_over_it() -> None:
    tree = {"task": {"strategy": {"kind": "fedprox", "mu": 1}}, "groups": [{"n": 1}, {"n": 2}]}
    settings = [
        "task.strategy={kind: fedavg}",
        "task.rounds=10",
        "groups.1.n=1e-3",
        "seeds=[0, 1]",
        "name=no",
        "x.y.z=a=b",
    ]
    assert apply_overrides(tree, settings) == {
        "task": {"strategy": {"kind": "fedavg"}, "rounds": 10},
        "groups": [{"n": 1}, {"n": 0.001}],
        "seeds": [0, 1],
        "name": "no",
        "x": {"y": {"z": "a=b"}},
    }
    assert tree["groups"] == [{"n": 1}, {"n": 2}]


def test_all_settings_that_cannot_be_used_are_named() -> None:
    with pytest.raises(SpecError) as caught:
        apply_overrides(
            {"a": 1, "l": [1]}, ["a.b=1", "l.1=2", "l.x=2", "nothing", "=3", "b=[1", "c=.inf", "d={e: 1, e: 2}"]
        )
    assert [(p.path, p.code) for p in caught.value.problems] == [
        ("", "bad_setting"),
        ("a.b", "bad_path"),
        ("b", "syntax"),
        ("c", "not_finite"),
        ("d.e", "duplicate_key"),
        ("l.1", "bad_path"),
        ("l.x", "bad_path"),
        ("nothing", "bad_setting"),
    ]


def test_a_path_cannot_be_endless() -> None:
    with pytest.raises(SpecError):
        place({}, ".".join("a" * 100_000), 1)


def grid(text: str) -> list[str]:
    """The labels of the cells of a grid over the small spec."""
    return [cell.label for cell in cells(parse(SMALL + f"sweep: {text}\n"))]


def test_a_spec_without_a_grid_is_its_only_cell() -> None:
    spec = parse(SMALL)
    (cell,) = cells(spec)
    assert (cell.label, cell.spec) == ("", spec)
    assert cell.slug == "cell"


def test_a_grid_is_every_combination_in_order() -> None:
    assert grid("{task.strategy: [{kind: fedavg}, {kind: fedmax}], task.local.lr: [0.1, 0.01]}") == [
        "strategy=fedavg, lr=0.1",
        "strategy=fedavg, lr=0.01",
        "strategy=fedmax, lr=0.1",
        "strategy=fedmax, lr=0.01",
    ]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (
            "{task.strategy: [{kind: fedprox, mu: 0.1}, {kind: fedprox, mu: 1}, {kind: fedavg}]}",
            ["strategy=fedprox(mu=0.1)", "strategy=fedprox(mu=1)", "strategy=fedavg"],
        ),
        (
            "{fleet.groups.0.count: [6, 7], fleet.groups.1.count: [4, 5]}",
            ["0.count=6, 1.count=4", "0.count=6, 1.count=5", "0.count=7, 1.count=4", "0.count=7, 1.count=5"],
        ),
        ("{fleet.groups.0.device: [rpi_4b_4gb, rpi_5_8gb]}", ["device=rpi_4b_4gb", "device=rpi_5_8gb"]),
        ("{task.model.hidden: [[8], [8, 8]]}", ["hidden=[8]", "hidden=[8, 8]"]),
        ("{task.local: [{lr: 0.1}, {lr: 0.2, epochs: 2}]}", ["local=(lr=0.1)", "local=(lr=0.2, epochs=2)"]),
    ],
)
def test_labels_say_what_is_particular(text: str, labels: list[str]) -> None:
    assert grid(text) == labels


def test_cells_are_specs_of_their_own() -> None:
    spec = parse(SMALL + "sweep: {task.strategy: [{kind: fedavg}, {kind: fedprox, mu: 0.1}]}\n")
    first, second = cells(spec)
    assert first.spec.sweep is None
    assert tree_of(first.spec)["task"]["strategy"] == {"kind": "fedavg"}
    assert digest(second.spec) == digest(parse(SMALL))
    assert digest(first.spec) != digest(second.spec)
    assert first.slug == "strategy-fedavg"


def test_a_default_that_depends_on_another_field_follows_the_grid() -> None:
    """A synthetic set has clients of its own and digits has none; neither names a partition."""
    spec = parse(LEAST + "sweep: {task.dataset: [{kind: digits}, {kind: synthetic}]}\n")
    assert [cell.label for cell in cells(spec)] == ["dataset=digits", "dataset=synthetic"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{task.strategy.mu: [0.1, 99]}", [("task.strategy.mu", "out_of_range", "(in the cell mu=99)")]),
        ("{task.sampler.num_clients: [5, 50]}", [("task.sampler.num_clients", "", "(in the cell num_clients=50)")]),
        ("{task.muu: [1, 2]}", [("task.muu", "unknown_field", "(in the cells muu=1; muu=2)")]),
        ("{seeds: [[1], [2]]}", [("sweep.seeds", "bad_path", "cannot be swept")]),
        ("{task.rounds: []}", [("sweep.task.rounds", "wrong_length", "at least one")]),
        ("{task.rounds: [1, 1]}", [("sweep.task.rounds", "repeated", "1 is repeated")]),
        ("{task.rounds: 3}", [("sweep.task.rounds", "wrong_type", "a list")]),
        ("[1]", [("sweep", "wrong_type", "a mapping")]),
    ],
)
def test_what_is_wrong_with_a_grid(text: str, expected: list[tuple[str, str, str]]) -> None:
    with pytest.raises(SpecError) as caught:
        parse(SMALL + f"sweep: {text}\n")
    assert len(caught.value.problems) == len(expected)
    for problem, (path, code, words) in zip(caught.value.problems, expected, strict=True):
        assert problem.path == path
        assert problem.code == code or not code
        assert words in problem.message


def test_a_value_of_any_length_leaves_a_message_that_can_be_read() -> None:
    with pytest.raises(SpecError) as caught:
        parse(SMALL + f"sweep: {{task.strategy: [{{kind: {'fed' * 5000}}}, {{kind: fedavg}}]}}\n")
    (problem,) = caught.value.problems
    assert problem.code == "unknown_kind"
    assert "(in the cell strategy=fedfed" in problem.message
    assert len(problem.message) < 400
    with pytest.raises(SpecError) as caught:
        parse(SMALL.replace("rounds:", f"{'round' * 1000}:", 1))
    assert all(len(problem.message) < 500 for problem in caught.value.problems)


def test_a_grid_has_a_limit() -> None:
    many = list(range(1, 41))
    with pytest.raises(SpecError, match="1,600 cells"):
        parse(SMALL + f"sweep: {{task.rounds: {many}, task.local.epochs: {many}}}\n")
