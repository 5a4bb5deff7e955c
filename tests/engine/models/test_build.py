"""The torch module of a graph, and the weights it starts from."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from engine.core.sample import SampleSpec
from engine.models.graph import chain
from engine.models.layers import Conv2d, Embedding, Flatten, Linear, MaxPool2d, Recurrent, ReLU
from engine.models.weights import initial
from tests.engine.models.hooked import batch_of, module_with_weights
from tests.engine.models.test_graph import residual

SMALL = chain(
    SampleSpec(kind="image", shape=(1, 8, 8), num_classes=10),
    [
        ("conv1", Conv2d(4, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool2d(2)),
        ("flatten", Flatten()),
        ("fc1", Linear(16)),
        ("relu2", ReLU()),
        ("head", Linear(10)),
    ],
)


def test_the_module_computes_what_torch_computes() -> None:
    module = module_with_weights(SMALL)
    reference = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 16),
        nn.ReLU(),
        nn.Linear(16, 10),
    )
    reference.load_state_dict(dict(zip(reference.state_dict(), module.state_dict().values(), strict=True)))
    x = batch_of(SMALL.sample, 3)
    assert torch.equal(module(x), reference(x))
    assert torch.equal(module.features(x), reference[:6](x))
    logits, features = module.forward_with_features(x)
    assert torch.equal(logits, module(x))
    assert torch.equal(features, module.features(x))


def test_the_residual_module_adds_its_branches() -> None:
    module = module_with_weights(residual()).eval()
    x = batch_of(residual().sample, 3)
    branch = torch.relu(module.norm1(module.conv1(x)))  # type: ignore[operator]
    expected = module.head((module.conv2(branch) + branch).mean(dim=(2, 3)))  # type: ignore[operator]
    assert torch.equal(module(x), expected)


def test_batch_normalization_moves_its_statistics_as_torch_does() -> None:
    module = module_with_weights(residual())
    reference = nn.BatchNorm2d(4)
    x = batch_of(residual().sample, 5)
    module(x)
    reference(module.conv1(x))  # type: ignore[operator]
    assert torch.equal(module.state_dict()["norm1.running_mean"], reference.running_mean)  # type: ignore[arg-type]
    assert torch.equal(module.state_dict()["norm1.running_var"], reference.running_var)  # type: ignore[arg-type]


def test_a_language_model_has_logits_for_every_position() -> None:
    graph = chain(
        SampleSpec(kind="tokens", shape=(12,), num_classes=9, vocabulary=9, per_position=True),
        [("embed", Embedding(9, 4)), ("rnn", Recurrent("lstm", 6, return_sequence=True)), ("head", Linear(9))],
    )
    module = module_with_weights(graph)
    x = batch_of(graph.sample, 2)
    assert module(x).shape == (2, 12, 9)
    assert module.features(x).shape == (2, 12, 6)
    # causal: a later token does not change earlier logits
    changed = x.clone()
    changed[:, -1] = (changed[:, -1] + 1) % 9
    assert torch.equal(module(x)[:, :-1], module(changed)[:, :-1])


def test_initial_weights_follow_torchs_laws() -> None:
    graph = chain(
        SampleSpec(kind="tokens", shape=(5,), num_classes=400, vocabulary=300),
        [("embed", Embedding(300, 50)), ("rnn", Recurrent("gru", 64)), ("head", Linear(400))],
    )
    weights = initial(graph, seed=3)
    assert weights["head.weight"].dtype == np.float32
    for name, bound in {"head.weight": 64**-0.5, "head.bias": 64**-0.5, "rnn.weight_ih_l0": 64**-0.5}.items():
        values = weights[name]
        assert np.abs(values).max() <= bound
        # a uniform law over (-b, b) has the standard deviation b / sqrt(3)
        assert abs(values.std() - bound / 3**0.5) < 0.1 * bound
        assert abs(values.mean()) < 0.1 * bound
    assert abs(weights["embed.weight"].std() - 1) < 0.03


def test_initial_weights_depend_on_seed_and_name_only() -> None:
    weights = initial(SMALL, seed=1)
    again, other = initial(SMALL, seed=1), initial(SMALL, seed=2)
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    assert not np.array_equal(weights["fc1.weight"], other["fc1.weight"])
    assert not np.array_equal(weights["fc1.bias"], weights["head.bias"][:16])
    # one layer more or less leaves the others as they were
    wider = chain(
        SMALL.sample, [("flatten", Flatten()), ("fc0", Linear(64)), ("fc1", Linear(16)), ("head", Linear(10))]
    )
    assert np.array_equal(initial(wider, seed=1)["fc1.weight"], weights["fc1.weight"])


@pytest.mark.slow
def test_declarations_never_load_torch() -> None:
    code = (
        "import sys; from engine.models.model import models; from engine.models.profile import profile; "
        "from engine.models.weights import initial; from engine.core.sample import SampleSpec; "
        "from engine.data.dataset import datasets; from engine.data.partitioner import partitioners; "
        "g = models['mlp']().declare(SampleSpec(kind='image', shape=(1, 8, 8), num_classes=10)); "
        "profile(g); initial(g, 0); "
        "datasets.members(), partitioners.members(); "
        "sys.exit(sum(name in sys.modules for name in ('torch', 'sklearn', 'scipy', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_maps_are_the_outputs_at_the_end_of_each_stage() -> None:
    module = module_with_weights(residual()).eval()
    x = batch_of(residual().sample, 3)
    seen: list[torch.Tensor] = []
    handle = module.get_submodule("sum").register_forward_hook(lambda *call: seen.append(call[2]))
    found = module.forward_with_maps(x)
    handle.remove()
    assert torch.equal(found.logits, module(x))
    assert torch.equal(found.features, module.features(x))
    assert list(found.maps) == [(8, 8)]
    assert torch.equal(found.maps[8, 8], seen[0])
