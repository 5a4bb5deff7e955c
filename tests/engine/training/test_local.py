import pytest
import torch

from engine.training.local import LinearTerm, LocalRule, LocalView, defines


def test_constant_part_of_a_linear_term_by_hand() -> None:
    # gradient += 0.5 * (w - 4) + 1 = 0.5 * w - 1
    term = LinearTerm(scale=0.5, center={"w": torch.tensor([4.0])}, bias={"w": torch.tensor([1.0])})
    constant = term.constant("w")
    assert constant is not None
    assert constant.item() == -1.0
    assert term.scale_of("w") == 0.5


def test_a_term_without_scale_is_its_bias() -> None:
    assert LinearTerm().constant("w") is None
    term = LinearTerm(scale={"a": 0.0}, bias={"a": torch.tensor([2.0])})
    assert term.constant("a") is not None
    assert term.constant("b") is None


def test_a_scale_needs_a_center() -> None:
    with pytest.raises(ValueError, match="center"):
        LinearTerm(scale=1.0).constant("w")


def test_batch_means_leave_padding_out() -> None:
    share = torch.tensor([[0.5, 0.5, 0.0]])
    view = LocalView(params={}, start={}, down={}, share=share)
    assert view.batch_mean(torch.tensor([[2.0, 4.0, 100.0]])).tolist() == [3.0]
    gradient = view.mean_gradient(torch.ones(1, 3, 2))
    assert gradient.tolist() == [[[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]]


def test_a_batch_exists_only_in_a_step() -> None:
    view = LocalView(params={}, start={}, down={})
    with pytest.raises(RuntimeError):
        view.batch_features()
    with pytest.raises(RuntimeError):
        view.batch_mean(torch.ones(3))


def test_what_a_rule_defines_is_read_from_its_class() -> None:
    class Mine(LocalRule):
        def linear_term(self, view: LocalView) -> LinearTerm:
            return LinearTerm()

    assert defines(Mine(), "linear_term")
    assert not defines(Mine(), "loss_term")
