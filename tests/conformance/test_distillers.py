"""What every distiller must do, tested on every member."""

import numpy as np
import pytest
import torch

from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.datafree.distiller import Distiller, DistillView, distillers, initial_adapters
from engine.models.build import GraphModule
from engine.models.model import models
from tests.engine.models.hooked import batch_of, module_with_weights

SAMPLE = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=4)
STUDENT = models["ds_cnn"](channels=6, num_blocks=1).declare(SAMPLE)
TEACHER = models["resnet8"]().declare(SAMPLE)
NAMES = pytest.mark.parametrize("cls", distillers.members().values(), ids=kind_of)


def view_of(distiller: Distiller, student: GraphModule, teacher: GraphModule) -> tuple[DistillView, list[torch.Tensor]]:
    """What both say about five images, and the trained tensors."""
    x = batch_of(SAMPLE, 5)
    own, seen = student.forward_with_maps(x), teacher.eval().forward_with_maps(x)
    start = initial_adapters(distiller, student.graph, teacher.graph, 3)
    adapters = {name: torch.from_numpy(value).requires_grad_() for name, value in start.items()}
    view = DistillView(
        own.logits, seen.logits.detach(), own.features, seen.features.detach(),
        own.maps if distiller.needs_maps else {},
        {size: maps.detach() for size, maps in seen.maps.items()} if distiller.needs_maps else {},
        adapters,
    )  # fmt: skip
    return view, [*student.parameters(), *adapters.values()]


@NAMES
def test_every_term_is_a_number_that_trains(cls: type[Distiller]) -> None:
    distiller = cls()
    student = (
        module_with_weights(TEACHER, seed=1) if distiller.check(STUDENT, TEACHER) else module_with_weights(STUDENT)
    )
    assert distiller.check(student.graph, TEACHER) == []
    view, trained = view_of(distiller, student, module_with_weights(TEACHER))
    terms = distiller.loss(view)
    assert all(value.shape == () and bool(value >= 0) and bool(torch.isfinite(value)) for value in terms.values())
    torch.autograd.backward(sum(terms.values(), torch.zeros(())))
    gradients = [tensor.grad for tensor in trained]
    assert all(gradient is not None and bool(torch.isfinite(gradient).all()) for gradient in gradients)
    assert sum(float(gradient.abs().sum()) for gradient in gradients if gradient is not None) > 0


@NAMES
def test_the_same_loss_twice(cls: type[Distiller]) -> None:
    """A distiller keeps nothing between calls and draws nothing."""
    distiller = cls()
    view, _ = view_of(distiller, module_with_weights(TEACHER, seed=1), module_with_weights(TEACHER))
    first, second = distiller.loss(view), distiller.loss(view)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@NAMES
def test_a_copy_of_the_teacher_has_only_its_own_terms_of_doubt_to_lose(cls: type[Distiller]) -> None:
    """Soft targets and maps of a copy agree; what stays is cross entropy and terms with tensors still to be trained."""
    distiller = cls()
    view, _ = view_of(distiller, module_with_weights(TEACHER).eval(), module_with_weights(TEACHER))
    terms = distiller.loss(view)
    left = {name for name, value in terms.items() if float(value.detach()) > 1e-6}
    assert left <= {"cross_entropy", *(() if not distiller.adapters(TEACHER, TEACHER) else set(terms))}
    assert float(terms["soft_targets"].detach()) == pytest.approx(0, abs=1e-6)


@NAMES
def test_adapters_are_declared(cls: type[Distiller]) -> None:
    declared = cls().adapters(STUDENT, TEACHER)
    values = initial_adapters(cls(), STUDENT, TEACHER, 0)
    assert {weight.name: weight.shape for weight in declared} == {name: value.shape for name, value in values.items()}
    assert all(value.dtype == np.float32 for value in values.values())
