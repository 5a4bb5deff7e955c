"""What every pruner must do, tested on every member and every model that takes pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.datafree.pruner import Pruned, Pruner, pruners
from engine.datafree.shrinking.channels import FIXED, channels_of
from engine.models.build import build
from engine.models.graph import Graph
from engine.models.model import Model, models
from engine.models.model_file import ModelCard, pack, read_model
from engine.models.profile import profile
from engine.models.weights import initial
from tests.engine.models.hooked import batch_of

SAMPLE = SampleSpec(kind="image", shape=(1, 16, 16), num_classes=5)
SMALL = {"width": 0.125, "channels": 16, "depth": 10}
"""What makes a model small that has such a field."""

SMALL_ENOUGH = {"lenet5"}
"""Models that are small as they are: with an eighth of the channels nothing would be left to prune."""


def small(cls: type[Model]) -> Model:
    """A model in a size that tests have time for."""
    fields = {} if kind_of(cls) in SMALL_ENOUGH else cls.model_fields
    given = {name: value for name, value in SMALL.items() if name in fields and fields[name].annotation is type(value)}
    return cls.model_validate(given)


GRAPHS = {kind: small(cls).declare(SAMPLE) for kind, cls in models.members().items() if not cls().check(SAMPLE)}
MEMBERS = [
    pytest.param(cls, graph, id=f"{kind}-{model}")
    for kind, cls in pruners.members().items()
    for model, graph in GRAPHS.items()
]


def trained(graph: Graph, seed: int = 1) -> dict[str, np.ndarray]:
    """Weights with running statistics and normalizations that are not those of the beginning."""
    weights = initial(graph, seed)
    for name, value in weights.items():
        draw = stream(seed, "trained", name)
        if name.endswith(("running_var", "norm.weight")) or (value.ndim == 1 and name.endswith(".weight")):
            weights[name] = draw.uniform(0.5, 2, value.shape).astype(np.float32)
        elif value.ndim == 1:
            weights[name] = draw.normal(0, 0.3, value.shape).astype(np.float32)
    return weights


def outputs(graph: Graph, weights: dict[str, np.ndarray]) -> torch.Tensor:
    module = build(graph).eval()
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    with torch.no_grad():
        found: torch.Tensor = module(batch_of(graph.sample, 3))
    return found


@pytest.mark.parametrize(("cls", "graph"), MEMBERS)
@pytest.mark.parametrize("scope", ["layer", "network"])
def test_the_network_shrinks_as_told(cls: type[Pruner], graph: Graph, scope: str) -> None:
    weights = trained(graph)
    before = {name: value.copy() for name, value in weights.items()}
    pruner = cls.model_validate({"ratio": 0.5, "scope": scope, "least_kept": 0.2})
    found, again = pruner.prune(graph, weights), pruner.prune(graph, weights)
    assert all(np.array_equal(weights[name], before[name]) for name in before), "the weights were written to"
    assert all(np.array_equal(found.weights[name], again.weights[name]) for name in found.weights)
    _assert_declared(found)
    assert all(cut.num_after >= max(1, 0.2 * cut.num_before) for cut in found.cuts)
    assert all(cut.num_after == cut.num_before - cut.num_before // 2 for cut in found.cuts) or scope == "network"
    assert sum(cut.num_after for cut in found.cuts) <= 0.6 * sum(cut.num_before for cut in found.cuts)
    small, large = profile(found.graph), profile(graph)
    assert small.parameter_bytes < 0.75 * large.parameter_bytes
    assert small.total_macs < 0.8 * large.total_macs
    assert small.peak_activation_bytes <= large.peak_activation_bytes
    assert torch.isfinite(outputs(found.graph, found.weights)).all()


def _assert_declared(found: Pruned) -> None:
    assert {info.name: info.shape for info in found.graph.parameters()} == {
        name: value.shape for name, value in found.weights.items()
    }
    assert {value.dtype for value in found.weights.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("cls", "graph"), MEMBERS)
def test_a_ratio_of_zero_changes_nothing(cls: type[Pruner], graph: Graph) -> None:
    weights = trained(graph)
    found = cls.model_validate({"ratio": 0}).prune(graph, weights)
    assert found.graph == graph
    assert all(np.array_equal(found.weights[name], weights[name]) for name in weights)


@pytest.mark.parametrize(("cls", "graph"), MEMBERS)
def test_dead_channels_go_first_and_leave_no_trace(cls: type[Pruner], graph: Graph) -> None:
    """Half of each group's channels are silenced, chosen by chance; pruning half of them changes no output."""
    weights, channels = trained(graph), channels_of(graph)
    dead = np.zeros(channels.num_classes, dtype=np.bool_)
    for group in channels.groups:
        dead[stream(2, "dead", *group.producers).permutation(group.classes)[: len(group.classes) // 2]] = True
    for node in graph.nodes:
        gone = dead[channels.classes[node.name]] & (channels.classes[node.name] != FIXED)
        for name in ("weight", "bias", "running_mean"):
            if f"{node.name}.{name}" in weights:
                weights[f"{node.name}.{name}"][gone] = 0
    found = cls.model_validate({"ratio": 0.5}).prune(graph, weights)
    assert torch.allclose(outputs(graph, weights), outputs(found.graph, found.weights), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("cls", "graph"), MEMBERS)
def test_what_to_expect_is_told_without_weights(cls: type[Pruner], graph: Graph) -> None:
    pruner = cls.model_validate({"ratio": 0.4})
    assert pruner.expected(graph) == pruner.prune(graph, trained(graph)).graph
    assert cls.model_validate({"ratio": 0.4, "scope": "network"}).expected(graph) == pruner.expected(graph)


@pytest.mark.parametrize("cls", pruners.members().values(), ids=kind_of)
def test_a_pruned_network_comes_back_from_its_file(cls: type[Pruner], tmp_path: Path) -> None:
    graph = GRAPHS["resnet8"]
    found = cls.model_validate({"ratio": 0.5}).prune(graph, trained(graph))
    path = tmp_path / "model.safetensors"
    path.write_bytes(pack(found.weights, ModelCard(found.graph)))
    assert path.stat().st_size < 0.5 * 4 * graph.num_parameters
    card, weights = read_model(path)
    assert card.graph == found.graph
    assert torch.equal(outputs(card.graph, dict(weights)), outputs(found.graph, found.weights))
