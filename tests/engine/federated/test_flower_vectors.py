"""Combining as Flower does: vectors that its strategies made of the same updates (``./edgeloom bench golden_flower``).

Flower averages models, Edgeloom differences to the model that was sent; for rules that move with the updates that is
the same. Where Flower does not follow the paper, the tests say what it does and that our rule follows the paper:

* MultiKrum and the older aggregate_krum weight the chosen updates by their examples; the paper takes their plain mean.
* Bulyan (since the message interface) takes the ``n - 2 f`` best of one scoring; the paper asks Krum again and again,
  as the older aggregate_bulyan does.
* FedAdam multiplies its step by a bias correction that Algorithm 2 of Reddi et al. does not have, with an exponent that
  is one too large. In FedAdam, FedYogi and FedAdagrad v starts at zero in place of tau squared; so it does here.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.federated.aggregator import Aggregator, Rows, aggregators
from engine.federated.aggregators.bulyan import mean_near_median
from engine.federated.robustness.distances import krum_scores, squared_distances
from engine.federated.strategy import Combined, Groups, Strategy, strategies

FILE = Path(__file__).parents[2] / "fixtures" / "flower" / "vectors.json"
VECTORS: Any = json.loads(FILE.read_text())
START = {name: np.array(value) for name, value in VECTORS["start"].items()}
NAMES, SHAPES = list(START), [value.shape for value in START.values()]
NUM_ROUNDS, F = len(VECTORS["rounds"]), VECTORS["num_malicious"]

AGGREGATORS = {
    "FedAvg": {"kind": "mean"},
    "FedMedian": {"kind": "median"},
    "FedTrimmedAvg": {"kind": "trimmed_mean", "share": 0.2},
    "Krum": {"kind": "krum", "num_malicious": F},
    "aggregate_krum": {"kind": "krum", "num_malicious": F},
    "MultiKrum, equal examples": {"kind": "multi_krum", "num_malicious": F, "num_selected": 5},
    "aggregate_bulyan": {"kind": "bulyan", "num_malicious": F},
}
STRATEGIES = {
    "FedAvg": {"kind": "fedavg"},
    "FedAvgM": {"kind": "fedavgm", "server_lr": 0.7, "momentum": 0.9},
    "FedYogi": {"kind": "fedyogi", "server_lr": 0.01, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3},
    "FedAdagrad": {"kind": "fedadagrad", "server_lr": 0.1, "tau": 1e-3},
}


def flat(tree: dict[str, Any]) -> np.ndarray:
    """The arrays of a model in one vector."""
    return np.concatenate([np.asarray(tree[name], dtype=np.float64).ravel() for name in NAMES])


def models(number: int) -> np.ndarray:
    """(clients, P): what the clients of a round sent."""
    return np.stack([flat(client) for client in VECTORS["rounds"][number]])


def examples(number: int) -> np.ndarray:
    """Examples of each client of a round."""
    return np.array([float(client["num_examples"]) for client in VECTORS["rounds"][number]])


def expected(name: str, number: int) -> np.ndarray:
    """Flower's model after a round."""
    return flat(VECTORS["results"][name][number])


def aggregator(tree: dict[str, Any]) -> Aggregator:
    """A rule from its settings."""
    return aggregators[tree["kind"]].model_validate(tree)


def test_the_file_says_what_made_it() -> None:
    assert VECTORS["flwr"] == "1.41.0"
    assert VECTORS["made_by"] == "./edgeloom bench golden_flower"
    assert set(AGGREGATORS) | set(STRATEGIES) | {"FedAdam", "MultiKrum", "Bulyan"} == set(VECTORS["results"])


@pytest.mark.parametrize("number", range(NUM_ROUNDS))
@pytest.mark.parametrize("name", AGGREGATORS)
def test_rule_gives_what_flower_gives(name: str, number: int) -> None:
    start = flat(START)
    given = models(number) - start
    result = aggregator(AGGREGATORS[name]).combine(Rows(given, examples(number))) + start
    assert np.allclose(result, expected(name, number), atol=1e-12, rtol=0)


@pytest.mark.parametrize("number", range(NUM_ROUNDS))
def test_multi_krum_of_flower_weights_the_chosen_by_examples(number: int) -> None:
    values, counts = models(number), examples(number)
    best = np.argsort(krum_scores(squared_distances(values), F))[:5]
    theirs = expected("MultiKrum", number)
    assert np.allclose(np.average(values[best], axis=0, weights=counts[best]), theirs, atol=1e-12, rtol=0)
    ours = aggregator(AGGREGATORS["MultiKrum, equal examples"]).combine(Rows(values, counts))
    assert np.allclose(ours, values[best].mean(axis=0), atol=1e-12, rtol=0)
    assert not np.allclose(ours, theirs, atol=1e-3)


@pytest.mark.parametrize("number", range(NUM_ROUNDS))
def test_bulyan_of_flower_chooses_by_one_scoring(number: int) -> None:
    values = models(number)
    best = np.argsort(krum_scores(squared_distances(values), F))[: len(values) - 2 * F]
    theirs = mean_near_median(values[best].T.copy(), len(values) - 4 * F)
    assert np.allclose(theirs, expected("Bulyan", number), atol=1e-12, rtol=0)


def play(strategy: Strategy, number: int, server: Groups) -> Groups:
    """A round of the server: the mean difference of the clients, then its step."""
    sent = flat(server["weights"])
    mean = aggregators["mean"]().combine(Rows(models(number) - sent, examples(number)))
    parts = np.split(mean, np.cumsum([int(np.prod(shape)) for shape in SHAPES])[:-1])
    weights = {name: part.reshape(shape) for name, part, shape in zip(NAMES, parts, SHAPES, strict=True)}
    count = len(VECTORS["rounds"][number])
    return strategy.server_step(Combined({"weights": weights}, examples(number).sum(), count, count), server)


@pytest.mark.parametrize("name", STRATEGIES)
def test_server_steps_as_flower_does(name: str) -> None:
    strategy = strategies[STRATEGIES[name]["kind"]].model_validate(STRATEGIES[name])
    server = strategy.init_server(START)
    for number in range(NUM_ROUNDS):
        server = play(strategy, number, server)
        assert np.allclose(flat(server["weights"]), expected(name, number), atol=1e-12, rtol=0)


def test_fedadam_but_for_the_bias_correction_of_flower() -> None:
    """The step is linear in the server's rate, so the rate that Flower ends up with is set round by round."""
    server = None
    for number in range(NUM_ROUNDS):
        exponent = number + 2  # Flower counts rounds from 1 and adds one
        rate = 0.1 * np.sqrt(1 - 0.99**exponent) / (1 - 0.9**exponent)
        strategy = strategies["fedadam"].model_validate({"server_lr": rate, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3})
        server = play(strategy, number, server or strategy.init_server(START))
        assert np.allclose(flat(server["weights"]), expected("FedAdam", number), atol=1e-12, rtol=0)
