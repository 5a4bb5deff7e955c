"""Rounds under attack: the log says who is malicious, samples and updates change, the server's own update helps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.federated.robustness.adversary import malicious_of
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

EVERYONE = {"sampler": {"kind": "uniform", "num_clients": 12}, "partition": {"kind": "iid"}}
SIGN_FLIP = {"attack": {"kind": "sign_flip", "fraction": 0.34}}
LABEL_FLIP = {"attack": {"kind": "label_flip", "fraction": 0.34}}
BACKDOOR = {"attack": {"kind": "backdoor", "fraction": 0.34}}


def after(folder: Path, **changes: Any) -> dict[str, np.ndarray]:
    """The model after a round of everyone."""
    state, _ = run(task(rounds=1, **EVERYONE, **changes), context(folder))
    return {name: array for name, array in state.tensors.items() if name.startswith("server/weights")}


def test_the_log_names_who_is_malicious(tmp_path: Path) -> None:
    work, world = task(**EVERYONE, **SIGN_FLIP), context(tmp_path)
    facts: Any = work.facts(world)["attack"]
    assert facts["num_malicious"] == 4  # 0.34 * 12 = 4.08
    assert facts["malicious"] == malicious_of(work.attack, world).tolist()
    _, events = run(work, world)
    (first, *_) = [event.body for event in events if event.kind == "clients"]
    assert first["ids"][first["malicious"] == 1].tolist() == facts["malicious"]


@pytest.mark.parametrize("attack", [SIGN_FLIP, LABEL_FLIP], ids=["crafts", "poisons"])
def test_an_attack_moves_the_model_elsewhere(attack: dict[str, Any], tmp_path: Path) -> None:
    honest, attacked = after(tmp_path), after(tmp_path, **attack)
    assert max(np.abs(honest[name] - attacked[name]).max() for name in honest) > 1e-3


def test_a_mark_has_its_success_in_the_metrics(tmp_path: Path) -> None:
    _, events = run(task(**EVERYONE, **BACKDOOR), context(tmp_path))
    assert len(values_of(events, "attack_success")) == 2
    assert all(0 <= share <= 1 for share in values_of(events, "attack_success"))


def test_the_server_that_trains_itself_trusts_its_like(tmp_path: Path) -> None:
    work = task(**EVERYONE, **SIGN_FLIP, aggregator={"kind": "fltrust"}, rounds=5, local={"epochs": 5})
    assert work.check(context(tmp_path)) == []
    _, events = run(work, context(tmp_path))
    assert values_of(events, "accuracy")[-1] > values_of(events, "accuracy")[0] + 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{**SIGN_FLIP, "aggregator": {"kind": "fltrust"}}, BACKDOOR], ids=["crafts", "mark"]
)
def test_resumed_equals_uninterrupted(settings: dict[str, Any], tmp_path: Path) -> None:
    work = task(**settings)
    assert_resumes_alike(work, lambda: context(tmp_path))


def test_problems_of_an_attack_stand_at_the_attack(tmp_path: Path) -> None:
    (found,) = task(attack={"kind": "sign_flip", "fraction": 0.01}).check(context(tmp_path))
    assert (found.path, found.code) == ("attack.fraction", "nobody_malicious")


def test_the_log_warns_of_attackers_that_are_too_many(tmp_path: Path) -> None:
    told = [
        [event.body["message"] for event in run(task(**SIGN_FLIP, aggregator=rule), context(tmp_path))[1]
         if event.kind == "log" and "malicious" in event.body["message"]]
        for rule in ({"kind": "krum", "num_malicious": 1}, {"kind": "median"})
    ]  # fmt: skip
    assert told == [["about 1.7 of 5 updates come from malicious devices, but krum stands 1"], []]
