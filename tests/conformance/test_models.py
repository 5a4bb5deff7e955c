"""What every model must do, tested on every member and every data set that it fits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import load_file, save_file

from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.data.dataset import datasets
from engine.models.model import Model, models
from engine.models.profile import profile
from engine.models.weights import initial
from tests.engine.models.hooked import batch_of, module_with_weights
from tests.engine.models.test_profile import assert_declared_equals_built

SHAPES = [
    SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10),  # CIFAR-10
    SampleSpec(kind="image", shape=(1, 49, 10), num_classes=12),  # keyword spotting of MLPerf Tiny
    SampleSpec(kind="sequence", shape=(20, 8), num_classes=10),
    SampleSpec(kind="tokens", shape=(12,), num_classes=30, vocabulary=30),
    SampleSpec(kind="tokens", shape=(12,), num_classes=30, vocabulary=30, per_position=True),
]
"""Shapes that data sets have which need files or parameters."""


def samples() -> list[SampleSpec]:
    """The samples of all data sets that need no further parameters, each once, and further shapes."""
    found = [
        cls().sample()
        for cls in datasets.members().values()
        if not any(f.is_required() for f in cls.model_fields.values())
    ]
    return list(dict.fromkeys([*found, *SHAPES]))


NARROW = {"resnet18": 0.0625, "resnet34": 0.0625, "vgg11": 0.125}
"""Width at which networks of many millions of parameters are tested; their counts are tested at full width."""


def member(kind: str) -> Model:
    """A model with its defaults, or narrow if it is large."""
    return models[kind].model_validate({"width": NARROW[kind]} if kind in NARROW else {})


PAIRS = [(member(kind), sample) for kind in models.members() for sample in samples() if not member(kind).check(sample)]
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
        # Zagoruyko and Komodakis 2016 (0.6 M, 2.2 M, 8.9 M) and the NoNN authors' code, counted exactly
        ("wide_resnet", {"depth": 16, "width": 1}, (3, 32, 32), 10, 175_066),
        ("wide_resnet", {"depth": 16, "width": 2}, (3, 32, 32), 10, 691_674),
        ("wide_resnet", {"depth": 40, "width": 4}, (3, 32, 32), 10, 8_949_210),
        ("wide_resnet", {"depth": 16, "width": 1, "variant": "nonn_framework"}, (3, 32, 32), 10, 175_626),
        ("wide_resnet", {"depth": 16, "width": 2, "variant": "nonn_framework"}, (3, 32, 32), 10, 692_810),
        ("wide_resnet", {"depth": 40, "width": 4, "variant": "nonn_framework"}, (3, 32, 32), 10, 8_955_050),
        # repository kuangliu/pytorch-cifar
        ("resnet18", {}, (3, 32, 32), 10, 11_173_962),
        ("resnet34", {}, (3, 32, 32), 10, 21_282_122),
        # 1,792 + 73,856 + 295,168 + 590,080 + 1,180,160 + 3 * 2,359,808 of convolutions, 2 * 2,752 of normalizations,
        # 5,130 of the classifier
        ("vgg11", {}, (3, 32, 32), 10, 9_231_114),
        # Howard et al. 2017, table 8: 4.2 million; 4,231,976 without the biases of its 10,944 filters
        ("mobilenet", {"width": 1}, (3, 224, 224), 1000, 4_231_976 + 10_944),
    ],
)
def test_parameter_counts_of_the_papers(
    kind: str, parameters: dict[str, object], shape: tuple[int, ...], num_classes: int, expected: int
) -> None:
    sample = SampleSpec(kind="image", shape=shape, num_classes=num_classes)
    assert models[kind].model_validate(parameters).declare(sample).num_parameters == expected


@pytest.mark.parametrize(
    ("kind", "parameters", "sample", "with_buffers", "millions"),
    [
        # MLPerf Tiny, as its models report themselves
        ("resnet8", {}, SHAPES[0], 78_666, 12.50),
        ("ds_cnn", {}, SHAPES[1], 24_908, 2.66),
        ("mobilenet", {}, SampleSpec(kind="image", shape=(3, 96, 96), num_classes=2), 221_794, 7.49),
        ("wide_resnet", {"depth": 40, "width": 4}, SHAPES[0], None, 1298.58),
        # Howard et al. 2017, table 8: 569 million
        ("mobilenet", {"width": 1}, SampleSpec(kind="image", shape=(3, 224, 224), num_classes=1000), None, 568.74),
        ("wide_resnet", {"depth": 16, "width": 1, "variant": "nonn_framework"}, SHAPES[0], None, 33.74),
    ],
)
def test_work_of_the_papers(
    kind: str, parameters: dict[str, object], sample: SampleSpec, with_buffers: int | None, millions: float
) -> None:
    found = profile(models[kind].model_validate(parameters).declare(sample))
    assert round(found.total_macs / 1e6, 2) == millions
    if with_buffers is not None:
        assert found.parameter_bytes == 4 * with_buffers


def test_the_shakespeare_model_by_hand() -> None:
    """90 * 8, then 4 * 256 * (8 + 256 + 2) and 4 * 256 * (256 + 256 + 2) with two biases per gate, 256 * 90 + 90."""
    sample = SampleSpec(kind="tokens", shape=(80,), num_classes=90, vocabulary=90)
    found = profile(models["char_lstm"]().declare(sample))
    assert found.num_parameters == 720 + 272_384 + 526_336 + 23_130
    assert found.macs["recurrent"] == 80 * 4 * 256 * (8 + 256 + 256 + 256)


def test_a_depth_without_whole_blocks_is_told() -> None:
    with pytest.raises(ValidationError, match=r"6 n \+ 4 .* 18 was given"):
        models["wide_resnet"].model_validate({"depth": 18})
