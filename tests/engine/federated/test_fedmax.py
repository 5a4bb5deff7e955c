"""FedMAX's closed form against hand calculation, torch's own divergence, and the scale of the authors' code."""

import math

import pytest
import torch
from torch.nn import functional

from engine.core.streams import stream
from engine.federated.strategies.fedmax import FedMAX
from engine.federated.strategy import LocalView


def features(*shape: int) -> torch.Tensor:
    values = torch.from_numpy(stream(3, "features").standard_normal(shape)).relu()
    return values.requires_grad_()


def view(batch: torch.Tensor) -> LocalView:
    share = torch.full(batch.shape[:-1], 1.0 / batch.shape[-2], dtype=batch.dtype)
    return LocalView(params={}, start={}, down={}, features=batch, share=share)


def term(strategy: FedMAX, batch: torch.Tensor) -> torch.Tensor:
    value = strategy.loss_term(view(batch))
    assert value is not None
    return value


def test_by_hand() -> None:
    # softmax(ln 3, 0) = (3/4, 1/4): KL(U || p) = ln(2/3)/2 + ln(2)/2, KL(p || U) = 3/4 ln(3/2) + 1/4 ln(1/2)
    batch = torch.tensor([[math.log(3), 0.0]], dtype=torch.float64)
    assert term(FedMAX(beta=1), batch).item() == pytest.approx((math.log(2 / 3) + math.log(2)) / 2, abs=1e-15)
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert term(FedMAX(beta=1, direction="p_to_u"), batch).item() == pytest.approx(expected, abs=1e-15)


def test_equals_the_divergence_of_the_framework() -> None:
    batch = features(6, 10)
    uniform = torch.full_like(batch, 0.1)
    u_to_p = functional.kl_div(batch.log_softmax(-1), uniform, reduction="batchmean")
    assert term(FedMAX(beta=3), batch).item() == pytest.approx(3 * u_to_p.item(), abs=1e-14)
    p_to_u = functional.kl_div(uniform.log(), batch.softmax(-1), reduction="batchmean")
    assert term(FedMAX(beta=3, direction="p_to_u"), batch).item() == pytest.approx(3 * p_to_u.item(), abs=1e-14)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_scale_of_the_authors_code() -> None:
    """They average over samples and features: ``beta * KLDivLoss()(log_softmax(a), softmax(0))``."""
    batch = features(6, 512)
    theirs = 1000 * torch.nn.KLDivLoss(reduction="mean")(batch.log_softmax(1), torch.zeros_like(batch).softmax(1))
    ours = FedMAX(beta=1000 / 512)
    assert term(ours, batch).item() == pytest.approx(theirs.item(), rel=1e-12)


def test_both_directions_vanish_on_equal_features() -> None:
    batch = torch.full((4, 7), 2.5, dtype=torch.float64)
    for direction in ("u_to_p", "p_to_u"):
        assert term(FedMAX(direction=direction), batch).item() == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("direction", ["u_to_p", "p_to_u"])
@pytest.mark.parametrize("shape", [(5, 8), (3, 5, 8)], ids=["one client", "stacked"])
def test_gradient_equals_autograd(direction: str, shape: tuple[int, ...]) -> None:
    strategy, batch = FedMAX(beta=1.7, direction=direction), features(*shape)
    (expected,) = torch.autograd.grad(term(strategy, batch).sum(), batch)
    gradient = strategy.feature_gradient(view(batch.detach()))
    assert gradient is not None
    assert torch.allclose(gradient, expected, atol=1e-14, rtol=0)


def test_without_weight_there_is_no_term() -> None:
    assert FedMAX(beta=0).loss_term(view(features(2, 3))) is None
    assert FedMAX(beta=0).feature_gradient(view(features(2, 3))) is None
