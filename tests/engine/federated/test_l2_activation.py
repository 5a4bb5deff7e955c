"""The L2 penalty on activations by hand, against the authors' form, and against autograd."""

import pytest
import torch

from engine.core.streams import stream
from engine.federated.strategies.l2_activation import L2Activation
from engine.federated.strategy import LocalView


def view(batch: torch.Tensor, present: int | None = None) -> LocalView:
    """A batch whose first rows are samples and whose others are padding."""
    rows = batch.shape[-2]
    share = torch.zeros(batch.shape[:-1], dtype=batch.dtype)
    share[..., : present or rows] = 1.0 / (present or rows)
    return LocalView(params={}, start={}, down={}, features=batch, share=share)


def term(strategy: L2Activation, seen: LocalView) -> torch.Tensor:
    value = strategy.loss_term(seen)
    assert value is not None
    return value


def test_by_hand() -> None:
    # rows (3, 4) and (0, 12): the batch's norm is sqrt(25 + 144) = 13, the mean of the rows' norms (5 + 12) / 2
    batch = torch.tensor([[3.0, 4.0], [0.0, 12.0]], dtype=torch.float64)
    assert term(L2Activation(beta=2), view(batch)).item() == 26.0
    assert term(L2Activation(beta=2, norm="sample"), view(batch)).item() == 17.0
    gradient = L2Activation(beta=13).feature_gradient(view(batch))
    assert gradient is not None
    assert gradient.tolist() == [[3.0, 4.0], [0.0, 12.0]]
    gradient = L2Activation(beta=20, norm="sample").feature_gradient(view(batch))
    assert gradient is not None
    assert gradient.tolist() == [[6.0, 8.0], [0.0, 10.0]]


def test_the_authors_form() -> None:
    """They add ``beta * torch.norm(activations)``."""
    batch = torch.from_numpy(stream(3, "features").standard_normal((6, 512)))
    assert term(L2Activation(beta=0.3), view(batch)).item() == pytest.approx(0.3 * torch.norm(batch).item(), rel=1e-12)


@pytest.mark.parametrize("norm", ["batch", "sample"])
@pytest.mark.parametrize("shape", [(5, 8), (3, 5, 8)], ids=["one client", "stacked"])
def test_gradient_equals_autograd_and_padding_counts_nothing(norm: str, shape: tuple[int, ...]) -> None:
    strategy = L2Activation(beta=1.7, norm=norm)
    batch = torch.from_numpy(stream(3, "features").standard_normal(shape)).relu().requires_grad_()
    (expected,) = torch.autograd.grad(term(strategy, view(batch, 4)).sum(), batch)
    gradient = strategy.feature_gradient(view(batch.detach(), 4))
    assert gradient is not None
    assert torch.allclose(gradient, expected, atol=1e-14, rtol=0)
    assert not gradient[..., 4:, :].any()


@pytest.mark.parametrize("norm", ["batch", "sample"])
def test_dead_activations_are_pulled_nowhere(norm: str) -> None:
    batch = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    strategy = L2Activation(norm=norm)
    (expected,) = torch.autograd.grad(term(strategy, view(batch)), batch)
    gradient = strategy.feature_gradient(view(batch.detach()))
    assert gradient is not None
    assert torch.equal(gradient, expected)
    assert not gradient.any()
