"""What every splitter must do, tested on every member and every model that it takes, in a small size."""

import pytest
import torch

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.inference.cuts.execution import execute
from engine.inference.splitter import Splitter, splitters
from engine.models.build import build
from engine.models.graph import Graph
from engine.models.model import Model, models
from engine.models.profile import profile
from engine.models.weights import initial

SAMPLES = [
    SampleSpec(kind="image", shape=(1, 16, 16), num_classes=5),
    SampleSpec(kind="sequence", shape=(6, 4), num_classes=5),
    SampleSpec(kind="tokens", shape=(7,), num_classes=9, vocabulary=9, per_position=True),
]
SMALL = {"width": 0.125, "channels": 16, "depth": 10, "hidden": 8}
"""What makes a model small that has such a field."""


def small(cls: type[Model]) -> Model:
    """A model in a size that tests have time for."""
    fields = cls.model_fields
    given = {name: value for name, value in SMALL.items() if name in fields and fields[name].annotation is type(value)}
    return cls.model_validate(given)


GRAPHS = {
    f"{kind}-{sample.kind}": small(cls).declare(sample)
    for kind, cls in models.members().items()
    for sample in SAMPLES
    if not small(cls).check(sample)
}
PAIRS = [
    pytest.param(cls(), graph, id=f"{kind}-{model}")
    for kind, cls in splitters.members().items()
    for model, graph in GRAPHS.items()
    if not cls().check(graph)
]


@pytest.mark.parametrize("kind", splitters.members())
def test_it_applies_to_some_model_and_says_what_it_is(kind: str) -> None:
    cls = splitters[kind]
    assert any(not cls().check(graph) for graph in GRAPHS.values())
    assert isinstance(cls.exact, bool)


@pytest.mark.parametrize(("splitter", "graph"), PAIRS)
def test_the_joined_output_is_that_of_the_whole_model(splitter: Splitter, graph: Graph) -> None:
    pieces = splitter.split(graph)
    assert pieces.exact == splitter.exact
    if not splitter.exact:
        return
    module = build(graph)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in initial(graph, 0).items()}, strict=False)
    module.eval()
    draw = stream(0, "splitters")
    sample = graph.sample
    values = draw.integers(0, sample.vocabulary, (2, *sample.shape)) if sample.vocabulary else None
    x = torch.from_numpy(draw.normal(size=(2, *sample.shape)).astype("float32") if values is None else values)
    with torch.no_grad():
        whole = module(x)
    joined = execute(module, pieces, x)
    assert float((joined - whole).abs().max()) <= 1e-5 * max(1.0, float(whole.abs().max()))


@pytest.mark.parametrize(("splitter", "graph"), PAIRS)
def test_no_weight_or_work_is_lost(splitter: Splitter, graph: Graph) -> None:
    """And no piece alone needs more memory than the whole network on one device."""
    pieces = splitter.split(graph)
    if not splitter.exact:
        return
    whole = profile(graph)
    assert pieces.parameter_bytes == whole.parameter_bytes
    assert pieces.total_macs >= whole.total_macs
    assert max(piece.peak_bytes for piece in pieces.pieces) <= whole.inference_bytes
