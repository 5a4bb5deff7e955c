import torch

from engine.federated.strategies.fedprox import FedProx
from engine.federated.strategy import LocalView


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
