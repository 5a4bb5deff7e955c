"""What every model must do, tested on every member and every data set that it fits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.data.dataset import datasets
from engine.models.model import Model, models
from engine.models.weights import initial
from tests.engine.models.hooked import batch_of, module_with_weights
from tests.engine.models.test_profile import assert_declared_equals_built

CIFAR = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)


def samples() -> list[SampleSpec]:
    """The samples of all data sets that need no further parameters, each once, and the shape of CIFAR-10."""
    found = [
        cls().sample()
        for cls in datasets.members().values()
        if not any(f.is_required() for f in cls.model_fields.values())
    ]
    return list(dict.fromkeys([*found, CIFAR]))


PAIRS = [(cls(), sample) for cls in models.members().values() for sample in samples() if not cls().check(sample)]
FITTING = [
    pytest.param(model, sample, id=f"{kind_of(type(model))}-{'x'.join(map(str, sample.shape))}")
    for model, sample in PAIRS
]


@pytest.mark.parametrize(("model", "sample"), FITTING)
def test_declaration_equals_module(model: Model, sample: SampleSpec) -> None:
    with torch.backends.mkldnn.flags(enabled=False):
        assert_declared_equals_built(model.declare(sample))


@pytest.mark.parametrize(("model", "sample"), FITTING)
def test_forward_and_backward(model: Model, sample: SampleSpec) -> None:
    graph = model.declare(sample)
    module = module_with_weights(graph)
    logits, features = module.forward_with_features(batch_of(sample, 4))
    positions = sample.shape if sample.per_position else ()
    assert logits.shape == (4, *positions, sample.num_classes)
    assert features.shape[1:] == graph.shapes()[graph.features]
    targets = torch.arange(logits[..., 0].numel()) % sample.num_classes
    torch.autograd.backward(torch.nn.functional.cross_entropy(logits.flatten(0, -2), targets))
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name


@pytest.mark.parametrize(("model", "sample"), FITTING)
def test_weights_survive_a_file(model: Model, sample: SampleSpec, tmp_path: Path) -> None:
    graph = model.declare(sample)
    weights = initial(graph, seed=5)
    save_file(weights, tmp_path / "weights.safetensors")
    loaded = load_file(tmp_path / "weights.safetensors")
    module, other = module_with_weights(graph, seed=5).eval(), module_with_weights(graph, seed=6).eval()
    other.load_state_dict({name: torch.from_numpy(value) for name, value in loaded.items()})
    assert all(np.array_equal(loaded[name], weights[name]) for name in weights)
    assert torch.equal(module(batch_of(sample, 2)), other(batch_of(sample, 2)))


@pytest.mark.parametrize(("kind", "cls"), models.members().items())
def test_a_kind_of_sample_that_it_does_not_take_is_told(kind: str, cls: type[Model]) -> None:
    given = {
        "image": SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10),
        "features": SampleSpec(kind="features", shape=(60,), num_classes=10),
        "sequence": SampleSpec(kind="sequence", shape=(20, 8), num_classes=10),
        "tokens": SampleSpec(kind="tokens", shape=(20,), num_classes=30, vocabulary=30),
    }
    for name, sample in given.items():
        codes = [problem.code for problem in cls().check(sample)]
        assert codes == ([] if name in cls.sample_kinds else ["does_not_fit"]), (kind, name)


def test_every_model_fits_a_data_set() -> None:
    assert {kind_of(type(model)) for model, _ in PAIRS} == set(models.members())


@pytest.mark.parametrize(
    ("kind", "parameters", "shape", "num_classes", "expected"),
    [
        # McMahan et al. 2017, section 3
        ("mlp", {"hidden": [200, 200]}, (1, 28, 28), 10, 199_210),
        ("mcmahan_cnn", {}, (1, 28, 28), 10, 1_663_370),
        # FedMAX, authors' code: CIFAR-10, CIFAR-100, EMNIST letters
        ("fedmax_cnn", {}, (3, 32, 32), 10, 659_818),
        ("fedmax_cnn", {}, (3, 32, 32), 100, 705_988),
        ("fedmax_cnn", {}, (1, 28, 28), 26, 438_074),
        # LeNet-5 in its usual simplification: 156 + 2,416 + 48,120 + 10,164 + 850
        ("lenet5", {}, (1, 28, 28), 10, 61_706),
        # logistic regression: 784 * 10 + 10
        ("mlp", {"hidden": []}, (1, 28, 28), 10, 7_850),
    ],
)
def test_parameter_counts_of_the_papers(
    kind: str, parameters: dict[str, object], shape: tuple[int, ...], num_classes: int, expected: int
) -> None:
    sample = SampleSpec(kind="image", shape=shape, num_classes=num_classes)
    assert models[kind].model_validate(parameters).declare(sample).num_parameters == expected
