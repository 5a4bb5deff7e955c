"""The losses of distillers against numbers worked out by hand."""

from collections.abc import Mapping
from math import exp, log

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.core.sample import SampleSpec
from engine.datafree.distiller import DistillView, distillers, initial_adapters
from engine.models.graph import Resolution
from engine.models.model import models

LOG3 = log(3.0)


def view(
    *,
    student: list[list[float]] | None = None,
    teacher: list[list[float]] | None = None,
    maps: tuple[Mapping[Resolution, Tensor], Mapping[Resolution, Tensor]] = ({}, {}),
    adapters: Mapping[str, Tensor] | None = None,
    labels: Tensor | None = None,
) -> DistillView:
    return DistillView(
        student_logits=torch.tensor(student or [[0.0, 0.0]], requires_grad=True),
        teacher_logits=torch.tensor(teacher or [[2 * LOG3, 0.0]]),
        student_features=torch.tensor([[1.0, 2.0]]),
        teacher_features=torch.tensor([[4.0, 0.0, 1.0]]),
        student_maps=maps[0],
        teacher_maps=maps[1],
        adapters=adapters or {},
        labels=labels,
    )


def test_soft_targets_by_hand() -> None:
    """With T = 2 the teacher's logits (2 ln 3, 0) give (3/4, 1/4) and the student's (0, 0) give (1/2, 1/2).

    KL = 3/4 ln(3/2) + 1/4 ln(1/2); times T^2 alpha = 4 * 0.75. The teacher chooses class 0: CE = ln 2, times 0.25.
    """
    terms = distillers["soft_targets"](temperature=2.0, alpha=0.75).loss(view())
    assert terms.keys() == {"cross_entropy", "soft_targets"}
    assert terms["cross_entropy"].item() == pytest.approx(0.25 * log(2), rel=1e-6)
    assert terms["soft_targets"].item() == pytest.approx(3 * (0.75 * log(1.5) + 0.25 * log(0.5)), rel=1e-6)


def test_labels_go_before_the_teachers_choice() -> None:
    """Student logits (ln 3, 0): probabilities 3/4, 1/4; label 1 costs ln 4 where the teacher's choice costs ln 4/3."""
    distiller = distillers["soft_targets"](alpha=0.0)
    assert distiller.loss(view()).keys() == {"cross_entropy"}
    for labels, expected in ((None, log(4 / 3)), (torch.tensor([1]), log(4))):
        found = distiller.loss(view(student=[[LOG3, 0.0]], labels=labels))
        assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_soft_targets_by_hand() -> None:
    """Alpha T^2 KL has the gradient alpha T (p_S - p_T), here 2 (1/2 - 3/4, 1/2 - 1/4)."""
    given = view()
    distillers["soft_targets"](temperature=2.0, alpha=1.0).loss(given)["soft_targets"].backward()
    assert given.student_logits.grad is not None
    assert torch.allclose(given.student_logits.grad, torch.tensor([[-0.5, 0.5]]))


def test_attention_by_hand() -> None:
    """Two resolutions of which one is shared: a 1x2 picture.

    Student, one channel (3, 4): squares (9, 16), length 1: (9, 16) / sqrt(337). Teacher, two channels (1, 0) and
    (1, 0): mean squares (1, 0), of length 1 already.
    """
    student = {(1, 2): torch.tensor([[[[3.0, 4.0]]]]), (2, 2): torch.ones(1, 1, 2, 2)}
    teacher = {(1, 2): torch.tensor([[[[1.0, 0.0]], [[1.0, 0.0]]]])}
    found = distillers["attention"](beta=10.0).loss(view(maps=(student, teacher)))
    length = 337**0.5
    expected = 10 * ((9 / length - 1) ** 2 + (16 / length) ** 2) / 2
    assert found["attention"].item() == pytest.approx(expected, rel=1e-6)
    assert found.keys() == {"cross_entropy", "soft_targets", "attention"}


def test_equal_attention_costs_nothing_whatever_the_scale() -> None:
    maps = torch.arange(1.0, 9.0).reshape(1, 2, 2, 2)
    found = distillers["attention"]().loss(view(maps=({(2, 2): maps}, {(2, 2): 3 * maps})))
    assert found["attention"].item() == pytest.approx(0, abs=1e-9)


def test_features_by_hand() -> None:
    """W (1, 2) + b = (1 + 2, 2 * 2, 0) + (0, 0, 1) = (3, 4, 1) against (4, 0, 1): half of (1 + 16 + 0) / 3."""
    weight = torch.tensor([[1.0, 1.0], [0.0, 2.0], [0.0, 0.0]], requires_grad=True)
    found = distillers["features"](beta=6.0).loss(
        view(adapters={"weight": weight, "bias": torch.tensor([0.0, 0.0, 1.0])})
    )
    assert found["features"].item() == pytest.approx(6 * 0.5 * 17 / 3, rel=1e-6)
    found["features"].backward()
    assert weight.grad is not None
    assert weight.grad[1].tolist() == pytest.approx([6 / 3 * 4, 6 / 3 * 8])


def test_a_uniform_teacher_teaches_nothing_to_a_uniform_student() -> None:
    terms = distillers["soft_targets"](alpha=1.0).loss(view(teacher=[[5.0, 5.0]]))
    assert terms["soft_targets"].item() == pytest.approx(0, abs=1e-7)
    # and at a high temperature the softened probabilities near the mean of logit differences: KL T^2 -> (d/2)^2 / 2
    hot = distillers["soft_targets"](alpha=1.0, temperature=100.0).loss(view(teacher=[[1.0, 0.0]]))["soft_targets"]
    p = 1 / (1 + exp(-0.01))
    assert hot.item() == pytest.approx(1e4 * (p * log(2 * p) + (1 - p) * log(2 * (1 - p))), rel=1e-2)


def test_adapters_start_from_their_law_by_seed() -> None:
    sample = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=3)
    student, teacher = models["mlp"](hidden=(16,)).declare(sample), models["mlp"](hidden=(25,)).declare(sample)
    first, again, other = (initial_adapters(distillers["features"](), student, teacher, seed) for seed in (1, 1, 2))
    assert {name: value.shape for name, value in first.items()} == {"weight": (25, 16), "bias": (25,)}
    assert np.abs(first["weight"]).max() <= 0.25
    assert np.array_equal(first["weight"], again["weight"])
    assert not np.array_equal(first["weight"], other["weight"])
    assert initial_adapters(distillers["soft_targets"](), student, teacher, 1) == {}


def test_attention_needs_a_resolution_that_both_have() -> None:
    sample = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=3)
    flat, maps = models["mlp"]().declare(sample), models["resnet8"]().declare(sample)
    assert distillers["attention"]().check(maps, maps) == []
    (problem,) = distillers["attention"]().check(flat, maps)
    assert "the student has none and the teacher has 8x8, 4x4, 2x2" in problem.message
