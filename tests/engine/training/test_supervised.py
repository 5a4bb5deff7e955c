"""Training in chunks: cut anywhere it ends with the same bits, and its steps are those that the papers write."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.models.build import GraphModule, build
from engine.models.graph import Graph, chain
from engine.models.layers import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, ReLU
from engine.models.weights import initial
from engine.training.augmentations.crop import Crop
from engine.training.supervised import (
    Batch,
    Lesson,
    Samples,
    Trainer,
    rows_of_pass,
    rows_with_return,
    steps_per_pass,
    weights_in,
)
from engine.training.supervised_settings import DescentSettings

SAMPLE = SampleSpec(kind="image", shape=(2, 6, 6), num_classes=3)
X = stream(1, "x").standard_normal((40, 2, 6, 6), dtype=np.float32)
Y = stream(1, "y").integers(0, 3, 40)


def network(*, dropout: bool = True) -> Graph:
    """Everything that has a state of its own in training: running statistics and masks."""
    middle = [("drop", Dropout(0.3))] if dropout else []
    layers = [
        ("conv", Conv2d(4, 3, padding=1, bias=False)),
        ("norm", BatchNorm2d()),
        ("relu", ReLU()),
        ("flat", Flatten()),
    ]
    return chain(SAMPLE, [*layers, *middle, ("head", Linear(3))])


def loss(module: GraphModule, batch: Batch, others: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Cross entropy, and a pull on what else is trained."""
    found = {"cross_entropy": functional.cross_entropy(module(batch.inputs), batch.labels)}
    return found | {name: (value - 1).square().mean() for name, value in others.items()}


def lesson(settings: DescentSettings, num_steps: int = 12) -> Lesson:
    """Batches of the samples above."""
    samples = Samples(X, Y)

    def batch(step: int) -> Batch:
        return samples.batch(
            rows_of_pass(5, step, len(samples), settings.batch_size), settings, stream(5, "change", step)
        )

    return Lesson(settings, num_steps, loss, batch, seed=5)


SETTINGS = {
    "nesterov": DescentSettings(batch_size=16, lr=0.1, augment=(Crop(padding=1),)),
    "plain": DescentSettings(batch_size=16, lr=0.1, momentum=0, nesterov=False, schedule="cosine"),
    "adam": DescentSettings(batch_size=16, lr=0.01, optimizer="adam", schedule="constant", warm_up=0),
}


def trained(settings: DescentSettings, cuts: list[int], *, anew: bool) -> tuple[dict[str, np.ndarray], list[float]]:
    """The arrays after 12 steps in chunks that end at these steps, each perhaps by another trainer from copies."""
    trainer = Trainer(network(), {"other": (2,)})
    arrays = trainer.begin(initial(network(), 0), settings, {"other": np.zeros(2, np.float32)})
    losses = []
    for start, stop in zip([0, *cuts], [*cuts, 12], strict=True):
        if anew:
            trainer = Trainer(network(), {"other": (2,)})
            arrays = {name: array.copy() for name, array in reversed(arrays.items())}
        arrays, terms = trainer.advance(arrays, lesson(settings), range(start, stop))
        losses.append(terms["loss"] * (stop - start))
    return arrays, losses


@pytest.mark.parametrize("name", SETTINGS)
def test_cut_anywhere_it_ends_with_the_same_bits(name: str) -> None:
    whole, losses = trained(SETTINGS[name], [], anew=False)
    for cuts, anew in (([1, 5], False), ([1, 5], True), ([3, 4, 11], True)):
        cut, parts = trained(SETTINGS[name], cuts, anew=anew)
        assert {key: array.tobytes() for key, array in cut.items()} == {key: a.tobytes() for key, a in whole.items()}
        assert sum(parts) == pytest.approx(sum(losses), rel=1e-6)


def test_what_was_handed_out_is_never_written_to() -> None:
    settings, trainer = SETTINGS["nesterov"], Trainer(network())
    first, _ = trainer.advance(trainer.begin(initial(network(), 0), settings), lesson(settings), range(3))
    before = {name: array.copy() for name, array in first.items()}
    trainer.advance(first, lesson(settings), range(3, 6))
    assert all(np.array_equal(first[name], before[name]) for name in first)


def direction(settings: DescentSettings, gradient: Tensor, moments: tuple[Tensor, Tensor], step: int) -> Tensor:
    """Where a step goes, as the papers write it: Sutskever et al. 2013 in torch's form, Kingma and Ba 2015."""
    first, second = moments
    if settings.optimizer == "adam":
        first.mul_(0.9).add_(0.1 * gradient)
        second.mul_(0.999).add_(0.001 * gradient**2)
        return (first / (1 - 0.9 ** (step + 1))) / ((second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
    first.mul_(settings.momentum).add_(gradient)
    return gradient + settings.momentum * first if settings.nesterov else first


@pytest.mark.parametrize("name", SETTINGS)
def test_steps_are_those_of_the_papers(name: str) -> None:
    settings = SETTINGS[name].model_copy(update={"augment": ()})
    graph = network(dropout=False)
    trainer = Trainer(graph)
    arrays, _ = trainer.advance(trainer.begin(initial(graph, 0), settings), lesson(settings), range(8))
    module = build(graph)
    module.load_state_dict({key: torch.tensor(array) for key, array in initial(graph, 0).items()})
    moments = [[torch.zeros_like(value) for value in module.parameters()] for _ in range(2)]
    for step in range(8):
        batch = lesson(settings).batch(step)
        wanted = functional.cross_entropy(module(batch.inputs), batch.labels)
        gradients = torch.autograd.grad(wanted, list(module.parameters()))
        with torch.no_grad():
            for value, gradient, first, second in zip(module.parameters(), gradients, *moments, strict=True):
                whole = gradient + settings.weight_decay * value
                value.sub_(settings.lr_of(step, 12) * direction(settings, whole, (first, second), step))
    found = weights_in(arrays)
    for key, value in module.state_dict().items():
        np.testing.assert_allclose(found[key], value.numpy(), rtol=2e-4, atol=2e-6, err_msg=key)


def test_rates_rise_and_fall_as_they_say() -> None:
    cycle = DescentSettings(lr=1.0, warm_up=0.4, schedule="one_cycle")
    # Four steps rise to 1, then it falls in seven equal parts, to 0 just after the last step.
    assert [cycle.lr_of(step, 10) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert [cycle.lr_of(step, 10) for step in (4, 9)] == pytest.approx([6 / 7, 1 / 7])
    flat = DescentSettings(lr=0.5, warm_up=0, schedule="constant")
    assert {flat.lr_of(step, 10) for step in range(10)} == {0.5}
    half = DescentSettings(lr=1.0, warm_up=0, schedule="cosine")
    assert [half.lr_of(step, 9) for step in (4, 8)] == pytest.approx([0.5, 0.5 - 0.5 * np.cos(np.pi / 10)])


def test_a_pass_visits_every_sample_once() -> None:
    steps = steps_per_pass(40, 16)
    assert steps == 2
    first = np.concatenate([rows_of_pass(0, step, 40, 16) for step in range(steps)])
    assert len(np.unique(first)) == 32
    whole = [np.sort(rows_of_pass(0, step, 8, 16)) for step in range(3)]
    assert all(np.array_equal(rows, np.arange(8)) for rows in whole)
    assert not np.array_equal(rows_of_pass(0, 0, 8, 16), rows_of_pass(0, 1, 8, 16))


def test_rows_with_return_are_of_the_step_alone() -> None:
    assert np.array_equal(rows_with_return(0, 7, 30, 16), rows_with_return(0, 7, 30, 16))
    assert not np.array_equal(rows_with_return(0, 7, 30, 16), rows_with_return(0, 8, 30, 16))
    assert rows_with_return(0, 7, 30, 64).max() < 30
