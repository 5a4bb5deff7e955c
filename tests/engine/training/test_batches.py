import numpy as np
import pytest

from engine.training.batches import batches_of, visiting_order, visiting_orders


def test_every_sample_is_visited_once_per_epoch() -> None:
    order = visiting_order(7, client=3, round_number=2, num_samples=10, epochs=3)
    assert order.shape == (3, 10)
    for epoch in order:
        assert sorted(epoch) == list(range(10))
    assert (order[0] != order[1]).any()


def test_order_depends_on_seed_client_and_round_alone() -> None:
    first = visiting_order(7, 3, 2, 50, 1)
    assert (first == visiting_order(7, 3, 2, 50, 1)).all()
    for other in [(8, 3, 2), (7, 4, 2), (7, 3, 1)]:
        assert (first != visiting_order(*other, 50, 1)).any()


def test_orders_of_many_clients_are_those_of_each() -> None:
    orders = visiting_orders(7, [3, 8], 2, [10, 4], 2)
    assert np.array_equal(orders[0], visiting_order(7, 3, 2, 10, 2))
    assert np.array_equal(orders[1], visiting_order(7, 8, 2, 4, 2))


def test_batches_end_with_a_smaller_one_and_do_not_cross_epochs() -> None:
    order = np.array([[4, 3, 2, 1, 0], [0, 1, 2, 3, 4]])
    batches = batches_of([order], 2, np.dtype(np.float64))
    assert batches.steps.tolist() == [6]
    visited = [rows[share > 0].tolist() for rows, share in zip(batches.rows[0], batches.share[0], strict=True)]
    assert visited == [[4, 3], [2, 1], [0], [0, 1], [2, 3], [4]]
    assert batches.share[0].sum(1) == pytest.approx(np.ones(6))
    assert batches.share[0, 2].tolist() == [1.0, 0.0]


def test_shorter_clients_are_padded_with_weight_zero() -> None:
    batches = batches_of([np.arange(5)[None], np.arange(2)[None]], 2, np.dtype(np.float32))
    assert batches.rows.shape == (2, 3, 2)
    assert batches.steps.tolist() == [3, 1]
    assert batches.share[1].tolist() == [[0.5, 0.5], [0, 0], [0, 0]]


def test_batch_larger_than_the_client_is_one_step_of_all_its_samples() -> None:
    batches = batches_of([np.arange(3)[None]], 32, np.dtype(np.float64))
    assert batches.rows.shape == (1, 1, 3)
    assert batches.share[0, 0] == pytest.approx([1 / 3] * 3)
