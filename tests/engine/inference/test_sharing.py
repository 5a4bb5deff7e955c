"""Shares by speed: exact whatever the shares, and never a worse plan than equal ones."""

import pytest
import torch
from pydantic import ValidationError

from engine.core.sample import SampleSpec
from engine.inference.cuts.execution import execute
from engine.inference.cuts.sharing import share_of
from engine.inference.plans.planning import CHOSEN
from engine.inference.splitters.channel import ChannelSplitter
from engine.inference.splitters.spatial import SpatialSplitter
from engine.models.build import build
from engine.models.model import models
from engine.models.weights import initial
from engine.specs.text import parse
from tests.engine.inference.test_inference_task import World, make_context

PICTURE = SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)
SPEC = """
fleet:
  groups:
    - name: asking
      count: 1
      device:
        {name: Fast, conv_rate: 3.0e+7, linear_rate: 3.0e+7, other_rate: 3.0e+7, ram_bytes: 1000000000,
         active_power_w: 2, idle_power_w: 1}
    - name: slow
      count: 1
      device:
        {name: Slow, conv_rate: 1.0e+7, linear_rate: 1.0e+7, other_rate: 1.0e+7, ram_bytes: 1000000000,
         active_power_w: 2, idle_power_w: 1}
network: {links: {asking: eth1g, slow: eth1g}}
task:
  kind: inference
  dataset: {kind: cifar10}
  teacher: {kind: train, model: {kind: wide_resnet, depth: 10, width: 2}}
  splitter: {kind: spatial, num_tiles: 2, fused_layers: 3}
  placer: {kind: exhaustive}
"""


@pytest.mark.parametrize("splitter", [SpatialSplitter(num_tiles=3, weights=(5, 1, 2)),
                                      ChannelSplitter(num_slices=3, weights=(5, 1, 2))])  # fmt: skip
def test_unequal_shares_are_exact(splitter: SpatialSplitter | ChannelSplitter) -> None:
    graph = models["resnet8"]().declare(PICTURE)
    pieces = splitter.split(graph)
    work = [0.0, 0.0, 0.0]
    for piece in pieces.pieces:
        if (number := share_of(piece.name)) is not None:
            work[number] += sum(piece.work.macs.values())
    assert work[0] > work[2] > work[1]
    module = build(graph)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in initial(graph, 0).items()})
    module.eval()
    x = torch.randn((2, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = module(x)
    assert float((execute(module, pieces, x) - whole).abs().max()) <= 1e-5 * float(whole.abs().max())


@pytest.mark.slow
def test_shares_follow_speed_where_that_is_better() -> None:
    seconds, rows = [], []
    for by_speed in ("false", "true"):
        spec = parse(SPEC, settings=[f"task.splitter.by_speed={by_speed}"])
        planning = World(spec.task, make_context(spec, 0)).planning  # type: ignore[arg-type]
        seconds.append(planning.placements[CHOSEN].score.latency_s)
        first = [piece.parts[-1] for piece in planning.pieces.pieces if piece.name.startswith("block 0")]
        rows.append([part.stop - part.start for part in first])
    assert rows[0][0] == rows[0][1]
    assert rows[1][0] > rows[1][1]  # the faster device has more rows
    assert seconds[1] < seconds[0]


def test_shares_are_set_or_follow_speed() -> None:
    with pytest.raises(ValidationError, match="not both"):
        SpatialSplitter(weights=(1, 2), by_speed=True)
    with pytest.raises(ValidationError, match="2 positive numbers"):
        ChannelSplitter(weights=(1,))
