"""MOON's contrastive loss by hand and against the cross-entropy form of the authors' code."""

import math

import pytest
import torch

from engine.core.streams import stream
from engine.federated.strategies.moon import Moon
from engine.federated.strategy import LocalView


def view(features: torch.Tensor, to_global: torch.Tensor, to_previous: torch.Tensor) -> LocalView:
    """A view whose two other models give these features."""
    share = torch.full(features.shape[:-1], 1.0 / features.shape[-2], dtype=features.dtype)
    others = {"global": to_global, "previous": to_previous}
    return LocalView(
        params={}, start={"model": "global"}, down={}, client={"previous": {"model": "previous"}},  # type: ignore[dict-item]
        features=features, share=share, inputs=features,
        forward=lambda params, _: (features, others[params["model"]]),  # type: ignore[index]
    )  # fmt: skip


def test_by_hand() -> None:
    # cosines 1 and 0 at temperature 0.5: -log(e^2 / (e^2 + e^0)) = log(1 + e^-2); and the other way round
    one, other = torch.tensor([[2.0, 0.0]]).double(), torch.tensor([[0.0, 3.0]]).double()
    near = Moon(mu=2.0).loss_term(view(one, one, other))
    far = Moon(mu=2.0).loss_term(view(one, other, one))
    assert near is not None
    assert far is not None
    assert near.item() == pytest.approx(2 * math.log(1 + math.exp(-2)), rel=1e-12)
    assert far.item() == pytest.approx(2 * math.log(1 + math.exp(2)), rel=1e-12)


def test_equals_the_cross_entropy_over_similarities() -> None:
    """The authors take the cross-entropy of (cos to global, cos to previous) / temperature with label 0."""
    draw = stream(4, "features")
    mine, near, far = (torch.from_numpy(draw.standard_normal((6, 10))) for _ in range(3))
    cosines = torch.stack([torch.cosine_similarity(mine, near), torch.cosine_similarity(mine, far)], dim=1)
    expected = 5.0 * torch.nn.functional.cross_entropy(cosines / 0.3, torch.zeros(6, dtype=torch.long))
    term = Moon(mu=5.0, temperature=0.3).loss_term(view(mine, near, far))
    assert term is not None
    assert term.item() == pytest.approx(expected.item(), rel=1e-12)


def test_first_round_has_a_constant_loss() -> None:
    features = torch.from_numpy(stream(4, "features").standard_normal((6, 10))).requires_grad_()
    same = torch.from_numpy(stream(5, "features").standard_normal((6, 10)))
    term = Moon().loss_term(view(features, same, same))
    assert term is not None
    assert term.item() == pytest.approx(math.log(2), rel=1e-12)
    (gradient,) = torch.autograd.grad(term, features)
    assert gradient.abs().max().item() < 1e-15
