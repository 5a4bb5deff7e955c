"""Ditto on a quadratic of one weight and two clients, computed by hand (Li et al. 2021, Algorithm 1)."""

import pytest

from engine.federated.strategies.ditto import Ditto
from engine.federated.strategies.fedavg import FedAvg
from engine.training.settings import LocalSettings
from tests.engine.federated.quadratics import World, fresh, play, start
from tests.engine.training.worlds import DIRECT, PER_CLIENT, largest_difference, train

WORLD = World((0.0, 4.0), steps=(2, 2), sizes=(30, 10), settings=LocalSettings(lr=0.1), num_clients=2)


def test_two_rounds_by_hand() -> None:
    strategy = Ditto(strength=0.5)
    server = start(strategy, 1.0)
    states = [{"personal": {"w": server["weights"]["w"]}} for _ in WORLD.targets]

    # round 1 from w_t = 1 along (v - target) + 0.5 (v - 1): 1 -> 0.9 -> 0.9 - 0.1 * (0.9 - 0.05) = 0.815 and
    # 1 -> 1.3 -> 1.3 - 0.1 * (-2.7 + 0.15) = 1.555; the global model as in FedAvg: 3/4 * 0.81 + 1/4 * 1.57
    server, after = play(strategy, WORLD, server, states)
    assert [state["personal"]["w"].item() for state in after] == pytest.approx([0.815, 1.555], abs=1e-12)
    assert server["weights"]["w"].item() == pytest.approx(1.0, abs=1e-12)

    # round 2 from v_1 = 0.815 with w_t = 1: 0.815 - 0.1 * (0.815 - 0.0925) = 0.74275;
    # 0.74275 - 0.1 * (0.74275 - 0.128625) = 0.6813375
    _, after = play(strategy, WORLD, server, after)
    assert after[0]["personal"]["w"].item() == pytest.approx(0.6813375, abs=1e-12)


def test_the_global_model_is_that_of_federated_averaging() -> None:
    mine, plain = (play(rule, WORLD, start(rule, 1.0), _states(rule))[0] for rule in (Ditto(), FedAvg()))
    assert mine["weights"]["w"].item() == plain["weights"]["w"].item()


def _states(rule: Ditto | FedAvg) -> list:  # type: ignore[type-arg]
    return fresh(rule, WORLD)


def test_alone_without_a_pull() -> None:
    """Strength 0: the personal model knows nothing of the others."""
    strategy = Ditto(strength=0.0)
    _, after = play(strategy, WORLD, start(strategy, 1.0), [{"personal": start(strategy, 2.0)["weights"]}] * 2)
    assert after[0]["personal"]["w"].item() == pytest.approx(2.0 * 0.81, abs=1e-12)


def test_both_paths_train_the_same_personal_models() -> None:
    alone, stacked = (train(Ditto(strength=0.3), plan, momentum=0.5) for plan in (PER_CLIENT, DIRECT))
    assert largest_difference(alone.states, stacked.states) < 1e-9
