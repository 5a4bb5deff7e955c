"""Clustered learning: who picks which model, and how models move."""

from dataclasses import replace

import numpy as np
import pytest

from engine.federated.strategies.ifca import Ifca
from engine.federated.strategy import Combined
from engine.training.block import train_block
from tests.engine.training.worlds import DIRECT, PER_CLIENT, graph, job, largest_difference, weights


def test_models_start_apart_with_the_same_numbers() -> None:
    params = weights(graph())
    server = Ifca(num_models=3).init_server(params)
    assert list(server) == ["weights", "weights_2", "weights_3"]
    for name, array in params.items():
        assert np.array_equal(server["weights"][name], array)
        assert np.array_equal(np.sort(server["weights_2"][name].ravel()), np.sort(array.ravel()))
    assert largest_difference(server["weights_2"], server["weights_3"]) > 0.01
    again = Ifca(num_models=3).init_server(params)
    assert largest_difference(server["weights_3"], again["weights_3"]) == 0.0


def test_each_model_moves_by_the_mean_of_those_that_picked_it() -> None:
    # clients of 30 and 10 samples picked the first model with differences 1 and 5, one of 60 the second with -2;
    # the block's sums over the weight 100: 0.3 * 1 + 0.1 * 5 = 0.8 and 0.6 * -2; shares 0.4, 0.6, 0
    strategy = Ifca(num_models=3)
    server = {name: {"w": np.array([10.0])} for name in ("weights", "weights_2", "weights_3")}
    mean = {
        "weights": {"w": np.array([0.8])},
        "weights_2": {"w": np.array([-1.2])},
        "choice": {"picked": np.array([0.4, 0.6, 0.0])},
    }
    after = strategy.server_step(Combined(mean, 100.0, 3, 9), server)
    assert [after[name]["w"].item() for name in server] == pytest.approx([12.0, 8.0, 10.0])


@pytest.mark.parametrize("plan", [PER_CLIENT, DIRECT], ids=["per client", "stacked"])
def test_clients_pick_the_model_with_the_lowest_loss(plan) -> None:  # type: ignore[no-untyped-def]
    """A model that every client fits badly is picked by nobody; swapping the two swaps the choices."""
    work = job(Ifca(), plan, keep_updates=True)
    bad = {name: 50.0 * array for name, array in work.down["weights"].items()}
    for down, picked in [
        ({"weights": work.down["weights"], "weights_2": bad}, 0),
        ({"weights": bad, "weights_2": work.down["weights"]}, 1),
    ]:
        outcome = train_block(replace(work, down=down))
        choices = [update.tensors["choice"]["picked"].tolist() for update in outcome.updates]
        assert choices == [np.eye(2)[picked].tolist()] * len(work.clients)
        name = ["weights", "weights_2"][picked]
        assert all(name in update.tensors for update in outcome.updates)
