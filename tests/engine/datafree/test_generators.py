"""The generator's shapes, its range, and that it is the network its docstring describes."""

from math import prod

import numpy as np
import pytest
import torch
from torch import nn

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.datafree.generation.generating import Generator
from engine.datafree.generation.generators import GeneratorSettings, start_size
from engine.datafree.learning.adam import Trained, adam_

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 7, 10), (2, 5, 9)]


def generator(shape=(1, 8, 8), **fields) -> Generator:
    sample = SampleSpec(kind="image", shape=shape, num_classes=10)
    settings = GeneratorSettings(latent_size=6, channels=4, **fields)
    return Generator(settings, sample, torch.full((shape[0], 1, 1), -0.5), torch.full((shape[0], 1, 1), 2.0))


def draw(seed=0) -> np.random.Generator:
    return stream(seed, "test")


def codes_of(made: Generator, count: int) -> torch.Tensor:
    return torch.from_numpy(draw(1).standard_normal((count, made.settings.latent_size), dtype=np.float32))


def textbook(made: Generator, weights: dict[str, torch.Tensor]) -> nn.Sequential:
    """The same network from torch's own layers: doubled maps are really formed."""
    channels, stem = made.sample.shape[0], 8
    height, width = start_size(made.sample)
    layers = nn.Sequential(
        nn.Linear(6, stem * height * width), nn.Unflatten(1, (stem, height, width)), nn.BatchNorm2d(stem),
        nn.Upsample(scale_factor=2), nn.Conv2d(stem, stem, 3, padding=1), nn.BatchNorm2d(stem), nn.LeakyReLU(0.2),
        nn.Upsample(scale_factor=2), nn.Conv2d(stem, 4, 3, padding=1), nn.BatchNorm2d(4), nn.LeakyReLU(0.2),
        nn.Conv2d(4, channels, 3, padding=1), nn.Sigmoid(),
    ).double()  # fmt: skip
    with torch.no_grad():
        for parameter, value in zip(layers.parameters(), weights.values(), strict=True):
            parameter.copy_(value)
    return layers


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("conditional", "output"), [(False, "sigmoid"), (True, "sigmoid"), (False, "standardized")])
def test_images_of_any_size_lie_in_the_valid_range(shape, conditional, output) -> None:
    made = generator(shape, conditional=conditional, output=output)
    flat = made.initial(draw())
    assert flat.numel() == made.settings.num_parameters(made.sample)
    images = made.images(made.unpacked(flat), 50 * codes_of(made, 3), torch.tensor([0, 9, 4]))
    assert images.shape == (3, *shape)
    assert images.dtype == torch.float32
    assert images.min() >= -0.5
    assert images.max() <= 2.0


def test_standardized_images_have_mean_0_and_deviation_1_where_nothing_is_cut() -> None:
    made = generator(output="standardized")
    wide = Generator(made.settings, made.sample, torch.tensor(-99.0), torch.tensor(99.0))
    images = wide.images(wide.unpacked(wide.initial(draw())), codes_of(made, 30)).detach()
    assert abs(float(images.mean())) < 1e-4
    assert float(images.var(correction=0)) == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
def test_it_is_the_network_of_doubled_maps_and_3x3_convolutions(shape) -> None:
    made = generator(shape)
    weights = made.unpacked(made.initial(draw()).double())
    codes = codes_of(made, 5).double().requires_grad_()
    images = made.images(weights, codes)
    layers = textbook(made, weights)
    wanted = -0.5 + 2.5 * layers(codes)
    assert torch.allclose(images, wanted, atol=1e-9)
    found = torch.autograd.grad(images.square().sum(), [codes, *weights.values()])
    expected = torch.autograd.grad(wanted.square().sum(), [codes, *layers.parameters()])
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-6, atol=1e-9)


def test_the_class_is_added_to_the_code_of_a_conditional_generator() -> None:
    made = generator(conditional=True)
    weights = made.unpacked(made.initial(draw()))
    codes = codes_of(made, 4)
    labels = torch.tensor([3, 1, 4, 1])
    shifted = codes + weights["classes"][labels]
    plain = generator()
    rest = {name: value for name, value in weights.items() if name != "classes"}
    assert torch.equal(made.images(weights, codes, labels), plain.images(rest, shifted))


def test_weights_share_the_memory_of_the_flat_vector() -> None:
    made = generator()
    flat = made.initial(draw())
    weights = made.unpacked(flat)
    flat.zero_()
    assert all(bool((value == 0).all()) for value in weights.values())
    assert sum(prod(value.shape) for value in weights.values()) == len(flat)


def test_macs_are_those_of_the_small_maps() -> None:
    made = generator((1, 8, 8))
    # linear 6 -> 8*2*2; 8 -> 8 channels with 16 taps on 2x2; 8 -> 4 on 4x4; 4 -> 1 with 9 taps on 8x8
    assert made.settings.macs(made.sample) == 6 * 32 + 16 * 64 * 4 + 16 * 32 * 16 + 9 * 4 * 64


def test_adam_takes_the_steps_of_the_paper() -> None:
    value = torch.tensor([1.0, -2.0], dtype=torch.float64)
    trained = Trained.fresh(value)
    first = second = torch.zeros(2, dtype=torch.float64)
    wanted = value.clone()
    for step in range(1, 4):
        gradient = torch.tensor([0.5 * step, -0.1], dtype=torch.float64)
        adam_([trained], [gradient], step - 1, lr=0.1, betas=(0.5, 0.9))
        first, second = 0.5 * first + 0.5 * gradient, 0.9 * second + 0.1 * gradient**2
        wanted = wanted - 0.1 * (first / (1 - 0.5**step)) / ((second / (1 - 0.9**step)).sqrt() + 1e-8)
        assert torch.allclose(trained.value, wanted, rtol=1e-6)
    assert trained.value is value
