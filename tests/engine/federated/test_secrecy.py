"""Privacy and secure sums in whole runs: what the server learns, what it costs, and what stays the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.costs.estimate import estimate
from engine.federated.private.secrecy import MASKED, obstacle, opened
from engine.federated.rounds.traffic import exchange_of
from engine.privacy.accountant import Step, epsilon
from engine.task.contract import State
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

EVERYONE = {"sampler": {"kind": "uniform", "num_clients": 12}, "partition": {"kind": "iid"}}
SECURE = {"secure_aggregation": {"clip_range": 2.0}}
CENTRAL = {"privacy": {"kind": "dp_fedavg", "noise_multiplier": 0.8, "clip": {"kind": "flat", "norm": 0.5}}}
ADAPTIVE = {"privacy": {"kind": "dp_fedavg", "noise_multiplier": 0.8, "clip": {"kind": "adaptive", "count_noise": 0.2}}}
LOCAL = {"privacy": {"kind": "local_dp", "noise_multiplier": 0.8, "clip_norm": 0.5}}
EXAMPLES = {"privacy": {"kind": "dp_sgd", "noise_multiplier": 0.8}}


def weights(state: State) -> np.ndarray:
    named = sorted((n, a) for n, a in state.tensors.items() if n.startswith("server/weights"))
    return np.concatenate([array.ravel() for _, array in named])


def test_a_secure_sum_trains_the_same_model(tmp_path: Path) -> None:
    plain, _ = run(task(**EVERYONE, rounds=1), context(tmp_path))
    secure, events = run(task(**EVERYONE, **SECURE, rounds=1), context(tmp_path))
    assert np.abs(weights(plain) - weights(secure)).max() < 1e-6
    assert values_of(events, "outside_range") == [0.0]


@pytest.mark.parametrize("strategy", ["scaffold", "feddyn", "fedadam"])
def test_strategies_that_sum_go_with_it(strategy: str, tmp_path: Path) -> None:
    plain, _ = run(task(**EVERYONE, strategy={"kind": strategy}, rounds=1), context(tmp_path))
    secure, _ = run(task(**EVERYONE, **SECURE, strategy={"kind": strategy}, rounds=1), context(tmp_path))
    assert np.abs(weights(plain) - weights(secure)).max() < 1e-5


def test_the_state_of_an_open_round_holds_masked_sums_only(tmp_path: Path) -> None:
    work, world = task(**EVERYONE, **SECURE, local={"path": "per_client"}), context(tmp_path)
    state = work.init(world)
    for _ in range(3):
        state, _ = work.step(world, state)
    sums = {name: array for name, array in state.tensors.items() if name.startswith(("sum/", "rows/"))}
    assert list(sums) == [f"sum/{MASKED}"]
    assert sums[f"sum/{MASKED}"].dtype == np.uint32
    top = (sums[f"sum/{MASKED}"] >> 24).astype(float)
    assert abs(top.mean() - 127.5) < 10  # uniform, where updates in fixed point would be near 0 or 255


def test_keys_and_shares_cost_bytes_and_time(tmp_path: Path) -> None:
    work, world = task(**EVERYONE, **SECURE, rounds=2), context(tmp_path)
    _, plain = run(task(**EVERYONE, rounds=2), context(tmp_path))
    _, events = run(work, context(tmp_path))
    phases = work.secure_aggregation.phases(work.facts(world)["num_parameters"], 12)
    more_up = sum(phase.bytes_up for phase in phases) - work.facts(world)["num_parameters"] * 4
    found, before = values_of(events, "bytes_up"), values_of(plain, "bytes_up")
    assert found[0] - before[0] >= 12 * more_up  # and headers
    assert found[0] - before[0] < 12 * more_up * 1.5
    assert values_of(events, "round_time_s")[0] > values_of(plain, "round_time_s")[0]
    rows = [row for event in events if event.kind == "ledger" for row in event.body["rows"]]
    assert {"keys", "unmask"} <= {row["phase"] for row in rows}
    assert work.expected_trace(world).num_rounds == 2


def test_too_few_that_stay_leave_the_model_and_say_so(tmp_path: Path) -> None:
    work, world = task(**EVERYONE, **SECURE, local={"path": "per_client"}), context(tmp_path)
    state, _ = work.step(world, work.init(world))
    assert not obstacle(work, world, state)
    counts = np.zeros_like(state.tensors["called/counts"])
    counts[:7] = 1
    lost = state.replace(tensors={"called/counts": counts})
    assert "7 of 12 clients are left, and 8 are needed" in obstacle(work, world, lost)
    assert opened(work, world, lost) is None
    (problem,) = task(**SECURE, sampler={"kind": "uniform", "num_clients": 2}).check(world)
    assert (problem.path, problem.code) == ("secure_aggregation", "cohort_too_small")


@pytest.mark.parametrize("privacy", [CENTRAL, ADAPTIVE, LOCAL, EXAMPLES], ids=["central", "adaptive", "local", "sgd"])
def test_epsilon_grows_and_is_what_was_expected(privacy: dict[str, Any], tmp_path: Path) -> None:
    work, world = task(**EVERYONE, **privacy, rounds=3, local={"batch_size": 64}), context(tmp_path)
    assert work.check(world) == []
    _, events = run(work, world)
    spent = values_of(events, "epsilon")
    assert spent[0] < spent[1] < spent[2]
    facts: Any = work.facts(world)["privacy"]
    assert facts["expected_epsilon"] == pytest.approx(spent[2], rel=0.02)  # all take part; sizes differ by one
    assert facts["sampling_rate"] == 1.0
    assert estimate(work, world).metrics == {"epsilon": facts["expected_epsilon"]}


def test_secure_sums_go_with_central_noise(tmp_path: Path) -> None:
    plain, _ = run(task(**EVERYONE, **CENTRAL, rounds=1), context(tmp_path))
    secure, _ = run(task(**EVERYONE, **CENTRAL, **SECURE, rounds=1), context(tmp_path))
    assert np.abs(weights(plain) - weights(secure)).max() < 1e-5  # the same noise, and rounding


def test_central_noise_has_its_scale_in_the_model(tmp_path: Path) -> None:
    strong = {"privacy": {"kind": "dp_fedavg", "noise_multiplier": 50.0, "clip": {"kind": "flat", "norm": 0.01}}}
    work, world = task(**EVERYONE, **strong, rounds=1), context(tmp_path)
    before = weights(work.init(world))
    state, _ = run(work, world)
    assert (weights(state) - before).std() == pytest.approx(50.0 * 0.01 / 12, rel=0.1)


def test_the_adaptive_bound_moves_in_the_log(tmp_path: Path) -> None:
    _, events = run(task(**EVERYONE, **ADAPTIVE, rounds=3), context(tmp_path))
    bounds = values_of(events, "clip_norm")
    assert len(set(bounds)) == 3


def test_the_budget_ends_the_run(tmp_path: Path) -> None:
    limited = {"privacy": {**CENTRAL["privacy"], "target_epsilon": 25.0}}
    state, events = run(task(**EVERYONE, **limited, rounds=30), context(tmp_path))
    spent = values_of(events, "epsilon")
    assert state.values["reason"] == "privacy_budget"
    assert spent[-1] <= 25.0
    assert 1 < len(spent) < 30


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [SECURE, CENTRAL, ADAPTIVE, LOCAL, EXAMPLES, {**CENTRAL, **SECURE}],
    ids=["secure", "central", "adaptive", "local", "sgd", "both"],
)  # fmt: skip
def test_resumed_equals_uninterrupted(settings: dict[str, Any], tmp_path: Path) -> None:
    work = task(**settings)
    assert_resumes_alike(work, lambda: context(tmp_path))


def test_private_steps_are_counted_as_they_were_made(tmp_path: Path) -> None:
    local = {"batch_size": 64, "max_steps": 1, "epochs": 5}
    _, events = run(task(**EVERYONE, **EXAMPLES, local=local, rounds=2), context(tmp_path))
    assert values_of(events, "epsilon")[1] == epsilon({Step(0.8, "poisson", 64, 119): 2}, 1e-5)


@pytest.mark.slow
def test_private_steps_take_a_device_longer(tmp_path: Path) -> None:
    _, plain = run(task(**EVERYONE, rounds=1), context(tmp_path))
    _, private = run(task(**EVERYONE, **EXAMPLES, rounds=1), context(tmp_path))
    assert values_of(private, "energy_j")[0] > values_of(plain, "energy_j")[0]
    work, before = (exchange_of(task(**EVERYONE, **extra)).work for extra in (EXAMPLES, {}))
    per_sample = work.parameter_count * (2 + 10 / 16)  # batches of 16
    assert 3 * (work.macs["other"] - before.macs["other"]) == pytest.approx(per_sample, abs=2)


@pytest.mark.slow
@pytest.mark.parametrize("privacy", [CENTRAL, LOCAL, EXAMPLES], ids=["central", "local", "sgd"])
def test_no_round_exceeds_the_budget(privacy: dict[str, Any], tmp_path: Path) -> None:
    """Dirichlet parts: with private steps the smallest client decides, and it may come late."""
    free, world = task(**privacy, rounds=4), context(tmp_path)
    spent = values_of(run(free, world)[1], "epsilon")
    limited = {"privacy": {**privacy["privacy"], "target_epsilon": spent[2] * (1 + 1e-9)}}
    state, events = run(task(**limited, rounds=20), context(tmp_path))
    assert values_of(events, "epsilon")[:3] == spent[:3]
    assert max(values_of(events, "epsilon")) <= spent[2] * (1 + 1e-9)
    assert state.values["reason"] == "privacy_budget"
    (remark,) = [e.body["message"] for e in events if e.kind == "log" and "epsilon" in e.body["message"]]
    assert "the run ends before it" in remark
    assert not [name for name in state.tensors if name.startswith(("called/", "sum/", "open/"))]


def test_a_budget_below_one_round_is_refused(tmp_path: Path) -> None:
    tight = {"privacy": {**EXAMPLES["privacy"], "target_epsilon": 0.1}}
    (problem,) = task(**EVERYONE, **tight).check(context(tmp_path))
    assert (problem.path, problem.code) == ("privacy.target_epsilon", "budget_below_one_round")


def test_private_steps_need_gradients_of_single_samples(tmp_path: Path) -> None:
    """Batch norm mixes samples even where fedbn keeps its statistics on the devices."""
    data = {"dataset": {"kind": "cifar10"}, "model": {"kind": "resnet8"}, "strategy": {"kind": "fedbn"}}
    problems = task(**data, **EXAMPLES).check(context(tmp_path))
    assert [problem.path for problem in problems if "mixes its samples" in problem.message] == ["model"]
    assert "mixes" not in str(task(**data, **LOCAL).check(context(tmp_path)))
