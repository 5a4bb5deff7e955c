import pytest
import torch

from engine.core.streams import stream
from engine.federated.strategies.fedprox import FedProx
from engine.federated.strategy import LocalView
from tests.engine.training.worlds import DIRECT, PER_CLIENT, largest_difference, train


def test_canonical_pull_and_that_of_the_fedmax_authors() -> None:
    # at w - w_t = 2 in a tensor of 8 elements: mu * 2, or mu * 2 / 8 where squares are averaged
    start = {"w": torch.zeros(2, 4)}
    view = LocalView(params=start, start=start, down={})
    for variant, expected in [("canonical", 1.0), ("fedmax_paper", 0.125)]:
        term = FedProx(mu=0.5, variant=variant).linear_term(view)
        assert term is not None
        assert term.scale_of("w") * 2.0 == expected
        assert term.center is start


def test_no_weight_no_term() -> None:
    view = LocalView(params={}, start={}, down={})
    assert FedProx(mu=0).linear_term(view) is None


def test_gradient_of_the_fedmax_authors_loss() -> None:
    """They add ``mu / 2 * MSELoss()(w, w_t)`` for every tensor."""
    draw = stream(1, "weights")
    start = {"w": torch.from_numpy(draw.standard_normal((3, 4))), "b": torch.from_numpy(draw.standard_normal(3))}
    now = {name: (value + 1.5).requires_grad_() for name, value in start.items()}
    loss = sum(0.7 / 2 * torch.nn.MSELoss()(now[name], start[name]) for name in start)
    expected = torch.autograd.grad(loss, list(now.values()))
    term = FedProx(mu=0.7, variant="fedmax_paper").linear_term(LocalView(params=now, start=start, down={}))
    assert term is not None
    for (name, value), gradient in zip(now.items(), expected, strict=True):
        constant = term.constant(name)
        assert constant is not None
        assert torch.allclose(term.scale_of(name) * value + constant, gradient, atol=1e-15, rtol=0)


@pytest.mark.parametrize("variant", ["canonical", "fedmax_paper"])
def test_both_forms_are_stacked(variant: str) -> None:
    strategy = FedProx(mu=1.0, variant=variant)
    assert largest_difference(train(strategy, PER_CLIENT).summed, train(strategy, DIRECT).summed) < 1e-9
