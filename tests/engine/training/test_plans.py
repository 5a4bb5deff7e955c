from typing import Any

import pytest

from engine.core.sample import SampleSpec
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.fedprox import FedProx
from engine.federated.strategies.scaffold import Scaffold
from engine.federated.strategy import LocalView, Strategy
from engine.models.zoo.lenet5 import Lenet5
from engine.models.zoo.mlp import Mlp
from engine.training.chain import chain_of
from engine.training.plans import Plan, Shapes, plan_for
from engine.training.settings import LocalSettings

IMAGE = SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)
SMALL = chain_of(Mlp(hidden=(200,)).declare(IMAGE))


class OnlyLoss(Strategy):
    """A strategy with a term that the stacked path knows no gradient for."""

    def loss_term(self, view: LocalView) -> Any:
        return None


def shapes(**changes: Any) -> Shapes:
    return Shapes(**{"chain": SMALL, "cohort_size": 10, "most_samples": 600, **changes})


def test_chain_of_an_mlp() -> None:
    assert SMALL is not None
    assert [(layer.inputs, layer.outputs, layer.relu) for layer in SMALL] == [(784, 200, True), (200, 10, False)]


def test_convolutions_are_no_chain() -> None:
    assert chain_of(Lenet5().declare(IMAGE)) is None
    plan = plan_for(FedAvg(), LocalSettings(), shapes(chain=None))
    assert (plan.path, plan.clients_per_block) == ("per_client", 1)


def test_small_models_are_stacked() -> None:
    plan = plan_for(FedAvg(), LocalSettings(batch_size=10), shapes())
    assert plan.path == "cohort"
    assert plan.clients_per_block == 10


def test_many_tiny_clients_are_summed_as_a_whole() -> None:
    plan = plan_for(FedAvg(), LocalSettings(batch_size=10), shapes(cohort_size=100, most_samples=60))
    assert not plan.forms_weights
    assert plan.gram_steps >= 6


def test_blocks_are_bounded_by_clients_and_by_the_memory_of_their_samples() -> None:
    settings = LocalSettings(batch_size=10)
    tiny = shapes(cohort_size=1000, most_samples=60, num_clients=10_000)
    assert plan_for(FedAvg(), settings, tiny).clients_per_block == 125  # 8 blocks of at most 128
    wide = chain_of(Mlp(hidden=(64,)).declare(SampleSpec(kind="image", shape=(3, 64, 64), num_classes=10)))
    plan = plan_for(FedAvg(), settings, shapes(chain=wide, cohort_size=100, most_samples=60))
    assert plan.gram_steps >= 6
    assert 4 * 60 * 3 * 64 * 64 * plan.clients_per_block <= 32 << 20


def test_weights_are_formed_where_somebody_looks_at_them() -> None:
    settings = LocalSettings(batch_size=10)
    assert plan_for(Scaffold(), settings, shapes(most_samples=60)).forms_weights
    assert plan_for(FedAvg(), settings, shapes(most_samples=60, needs_weights=True)).forms_weights


def test_gram_form_only_for_plain_steps() -> None:
    assert plan_for(FedProx(), LocalSettings(batch_size=10), shapes()).gram_steps == 0
    assert plan_for(FedAvg(), LocalSettings(batch_size=10, momentum=0.5), shapes()).gram_steps == 0
    assert plan_for(FedAvg(), LocalSettings(batch_size=10, weight_decay=0.1), shapes()).gram_steps == 0


def test_rounds_are_one_block_where_gram_matrices_are_kept() -> None:
    settings = LocalSettings(batch_size=10)
    known = shapes(most_samples=200, num_clients=100, rounds=100)
    assert plan_for(FedAvg(), settings, known).gram_steps >= 20
    assert plan_for(FedAvg(), settings, shapes(most_samples=200, num_clients=100, rounds=20)).gram_steps < 20
    assert plan_for(FedAvg(), settings, shapes(most_samples=200, num_clients=10_000, rounds=10_000)).gram_steps < 20


def test_a_round_is_one_block_whatever_the_learning_rule() -> None:
    known = shapes(num_clients=100, rounds=100)
    for rule, options in ((FedAvg(), {}), (FedProx(), {}), (FedAvg(), {"momentum": 0.9})):
        assert plan_for(rule, LocalSettings(batch_size=10, **options), known).gram_steps >= 60
    assert plan_for(FedAvg(), LocalSettings(batch_size=10, epochs=2), known).gram_steps < 60
    epochs = shapes(most_samples=60, num_clients=1_000_000)
    assert plan_for(FedAvg(), LocalSettings(batch_size=10, epochs=5), epochs).gram_steps >= 30


def test_term_without_a_feature_gradient_goes_one_by_one_and_says_so() -> None:
    plan = plan_for(OnlyLoss(), LocalSettings(batch_size=10), shapes())
    assert plan.path == "per_client"
    assert "feature gradient" in plan.describe()


def test_the_path_can_be_forced() -> None:
    assert plan_for(FedAvg(), LocalSettings(path="per_client", batch_size=10), shapes()).path == "per_client"
    assert plan_for(FedAvg(), LocalSettings(path="cohort", batch_size=512), shapes()).path == "cohort"
    with pytest.raises(ValueError, match="not a chain"):
        plan_for(FedAvg(), LocalSettings(path="cohort"), shapes(chain=None))


def test_plan_survives_json() -> None:
    plan = plan_for(FedAvg(), LocalSettings(), shapes())
    assert Plan.from_values(plan.to_values()) == plan
