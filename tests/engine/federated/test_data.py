"""Uploads, users, shifted samples and augmentation in federated runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import SpecError
from engine.data.partitioners.feature_shift import FeatureShift
from engine.data.store import DataStore
from engine.federated.rounds.population import Population
from engine.specs.text import parse_tree
from tests.engine.data.files import in_store, npz_of
from tests.engine.federated.worlds import context, run, same_tensors, stored_and_loaded, task, values_of

TWO = {"kind": "uniform", "num_clients": 2}


@pytest.fixture
def upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Two blurred clouds of points that four users hold, uploaded."""
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))
    draw = np.random.Generator(np.random.PCG64(1))
    y = np.arange(400) % 2
    x = draw.standard_normal((400, 3)) + 3 * y[:, np.newaxis]
    path = npz_of(tmp_path / "clouds.npz", x=x, y=y, users=np.arange(400) // 100)
    return {"kind": "arrays", "sha256": in_store(tmp_path, path)}


def test_an_upload_is_learned_by_its_users(tmp_path: Path, upload: dict[str, Any]) -> None:
    work = task(dataset=upload, partition={"kind": "by_user"}, sampler=TWO, rounds=3)
    world = context(tmp_path, devices=2)
    assert work.check(world) == []
    _, events = run(work, world)
    assert values_of(events, "accuracy")[-1] > 0.95
    own = task(dataset=upload, partition=None, sampler=TWO)
    assert [problem.path for problem in own.check(context(tmp_path, devices=5))] == ["data_reuse"]
    assert own.check(context(tmp_path, devices=4)) == []


def test_a_missing_upload_is_one_problem_of_the_spec(tmp_path: Path, upload: dict[str, Any]) -> None:
    tree = {
        "version": 1,
        "name": "mine",
        "fleet": {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 4}]},
        "task": {"kind": "federated", "dataset": upload, "sampler": TWO},
    }
    assert parse_tree(tree).task.model_dump()["dataset"]["sha256"] == upload["sha256"]
    (tmp_path / "artifacts" / upload["sha256"]).unlink()
    with pytest.raises(SpecError) as caught:
        parse_tree(tree)
    assert [(found.path, found.code) for found in caught.value.problems] == [("task.dataset.sha256", "unknown_upload")]
    tree["task"]["dataset"] = {"kind": "arrays", "sha256": "../../etc/passwd"}
    with pytest.raises(SpecError, match="sha256"):
        parse_tree(tree)


def test_users_are_not_divided_further_than_they_are(tmp_path: Path, upload: dict[str, Any]) -> None:
    (problem,) = task(dataset=upload, partition={"kind": "by_user"}, sampler=TWO).check(context(tmp_path, devices=5))
    assert problem.path == "partition"
    assert "4 users for 5 clients" in problem.message
    (problem,) = task(partition={"kind": "by_user"}).check(context(tmp_path))
    assert (problem.path, problem.code) == ("partition.kind", "no_natural_clients")


def test_clients_see_their_samples_shifted_and_the_test_set_as_it_is(tmp_path: Path) -> None:
    world = context(tmp_path, devices=6)
    shift = FeatureShift(noise=0.5, rotations=4)
    found = Population(task().dataset, shift, 6, world)
    plain = found.dataset.load(world.store, "train")
    samples = found.samples([1, 4])
    parts = shift.split(plain.y, 6, world.seed)
    for place, client in enumerate((1, 4)):
        rows = plain.take(parts[client])
        assert np.array_equal(samples.x[samples.places[place]], shift.shift(rows.x, client, 6, world.seed))
        assert np.array_equal(samples.y[samples.places[place]], rows.y)
    assert np.array_equal(found.test().x, found.dataset.load(world.store, "test").x)


@pytest.mark.parametrize(
    "changes",
    [
        {"partition": {"kind": "feature_shift", "rotations": 4}},
        {"augment": [{"kind": "crop", "padding": 1}, {"kind": "cutout", "size": 2}]},
    ],
)
def test_a_resumed_run_sees_the_same_changes(tmp_path: Path, changes: dict[str, Any]) -> None:
    work = task(**changes)
    whole, _ = run(work, context(tmp_path))
    world = context(tmp_path)
    state, _ = work.step(world, work.init(world))
    resumed, _ = run(work, context(tmp_path), stored_and_loaded(state))
    assert same_tensors(whole, resumed)
    other, _ = run(task(), context(tmp_path))
    assert not same_tensors(whole, other)


def test_augmentations_that_do_not_fit_are_told(tmp_path: Path) -> None:
    work = task(
        dataset={"kind": "synthetic", "num_clients": 12},
        partition=None,
        model={"kind": "mlp", "hidden": []},
        augment=[{"kind": "flip"}, {"kind": "time_shift"}],
    )
    assert [problem.path for problem in work.check(context(tmp_path))] == ["augment.0", "augment.1"]
    large = task(augment=[{"kind": "crop"}, {"kind": "cutout", "size": 9}])
    assert [problem.path for problem in large.check(context(tmp_path))] == ["augment.1.size"]
    stacked = task(augment=[{"kind": "crop"}], local={"path": "cohort"})
    (problem,) = stacked.check(context(tmp_path))
    assert (problem.path, problem.code) == ("local.path", "no_cohort_path")


@pytest.mark.slow
@pytest.mark.data
def test_a_language_model_learns_the_next_character(tmp_path: Path) -> None:
    """Per-position labels and integer inputs through the whole task; blanks alone are 15 % of all characters."""
    world = context(tmp_path, devices=100)
    store = DataStore(tmp_path / "data", folders=DataStore.from_environment().folders, offline=True)
    object.__setattr__(world, "store", store)
    work = task(
        dataset={"kind": "shakespeare", "length": 20},
        partition={"kind": "by_user"},
        model={"kind": "char_lstm", "hidden": 16, "num_layers": 1},
        sampler={"kind": "uniform", "num_clients": 1},
        local={"epochs": 1, "batch_size": 10, "lr": 1.0},
        evaluation={"divergence": True},
    )
    if not work.dataset.is_available(store):
        pytest.skip("NO DATA: shakespeare/tinyshakespeare.txt")
    assert work.check(world) == []
    _, events = run(work, world)
    assert values_of(events, "loss")[-1] < 3.3 < np.log(65)
    assert values_of(events, "accuracy")[-1] > 0.18
