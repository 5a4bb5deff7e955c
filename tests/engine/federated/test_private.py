"""Rounds with differential privacy: epsilon grows, bounds hold, a budget ends the run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.federated.rounds.blocks import clients_in_blocks, make_block
from engine.federated.rounds.opening import open_round
from engine.privacy.accountant import Step, epsilon
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

FLAT = {"privacy": {"kind": "dp_fedavg", "noise_multiplier": 0.5, "clip": {"kind": "flat", "norm": 0.3}}}
ADAPTIVE = {"privacy": {"kind": "dp_fedavg", "clip": {"kind": "adaptive", "count_noise": 0.4}}}
LOCAL = {"privacy": {"kind": "local_dp", "clip_norm": 0.3}}


@pytest.mark.slow
def test_epsilon_is_that_of_the_rounds_so_far(tmp_path: Path) -> None:
    work = task(**FLAT, rounds=3)
    assert work.check(context(tmp_path)) == []
    _, events = run(work, context(tmp_path))
    one = Step.drawn(0.5, "fixed_size", 5, 12)
    assert values_of(events, "epsilon") == pytest.approx([epsilon({one: rounds}, 1e-5) for rounds in (1, 2, 3)])
    facts: Any = work.facts(context(tmp_path))["privacy"]
    assert facts["expected_epsilon"] == pytest.approx(values_of(events, "epsilon")[-1])
    assert facts["sampling_rate"] == pytest.approx(5 / 12)
    assert (facts["kind"], facts["level"], facts["where"]) == ("dp_fedavg", "client", "central")


def test_no_update_in_a_sum_is_longer_than_the_bound(tmp_path: Path) -> None:
    work, world = task(**FLAT, local={"batch_size": 16, "lr": 0.1, "path": "per_client"}), context(tmp_path)
    state = open_round(work, world, work.init(world))
    for place, (part, clients) in enumerate(clients_in_blocks(work, state)):
        result = work.compute_block(world, make_block(work, world, state, (place, part, clients)))
        sent = np.concatenate([array.ravel() for name, array in result.tensors.items() if name.startswith("sum/")])
        assert result.values["weight"] == 1.0
        assert np.linalg.norm(sent.astype(np.float64)) <= 0.3
        assert result.tensors["open/norm"][0] > 0.3


@pytest.mark.slow
def test_an_adaptive_bound_moves(tmp_path: Path) -> None:
    _, events = run(task(**ADAPTIVE, rounds=3), context(tmp_path))
    bounds = values_of(events, "clip_norm")
    assert len(set(bounds)) == 3


def test_local_noise_costs_what_the_busiest_client_spent(tmp_path: Path) -> None:
    _, events = run(task(**LOCAL, rounds=3), context(tmp_path))
    taken = np.zeros(12, dtype=int)
    for event, spent in zip((e for e in events if e.kind == "cohort"), values_of(events, "epsilon"), strict=True):
        taken[event.body["clients"]] += 1
        assert spent == pytest.approx(epsilon({Step(0.5): int(taken.max())}, 1e-5))


def test_a_spent_budget_ends_the_run(tmp_path: Path) -> None:
    one = Step.drawn(0.5, "fixed_size", 5, 12)
    limit = epsilon({one: 2}, 1e-5) * 1.001
    work = task(privacy={**FLAT["privacy"], "target_epsilon": limit}, rounds=10)
    state, events = run(work, context(tmp_path))
    assert work.summarize(state).reason == "privacy_budget"
    assert len(values_of(events, "epsilon")) == 2
    assert values_of(events, "epsilon")[-1] <= limit


@pytest.mark.slow
@pytest.mark.parametrize("settings", [FLAT, ADAPTIVE, LOCAL], ids=["flat", "adaptive", "local"])
def test_resumed_equals_uninterrupted(settings: dict[str, Any], tmp_path: Path) -> None:
    work = task(**settings)
    assert_resumes_alike(work, lambda: context(tmp_path))


def test_problems_stand_at_the_field(tmp_path: Path) -> None:
    (found,) = task(privacy={"kind": "dp_fedavg", "clip": {"kind": "adaptive", "count_noise": 0.01}}).check(
        context(tmp_path)
    )
    assert found.path == "privacy.clip.count_noise"


def test_a_sample_on_several_devices_pays_on_each(tmp_path: Path) -> None:
    """That is refused where samples are hidden; where devices are, each pays for itself."""
    shared: Any = {"partition": {"kind": "iid", "num_parts": 8}, "data_reuse": True}
    (problem,) = task(privacy={"kind": "dp_sgd"}, **shared).check(context(tmp_path))
    assert (problem.path, problem.code) == ("privacy.kind", "samples_on_several_devices")
    assert "12 devices share 8 parts" in problem.message
    assert not task(privacy={"kind": "local_dp"}, **shared).check(context(tmp_path))
    assert not task(privacy={"kind": "dp_sgd"}, data_reuse=True).check(context(tmp_path))
