"""A learned bottleneck: what travels, and what it costs in accuracy."""

import pytest

from engine.core.sample import SampleSpec
from engine.inference.splitters.bottleneck import BottleneckSplitter
from engine.models.model import models
from engine.models.profile import profile
from tests.engine.inference.test_inference_task import body, carried_out

PICTURE = SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)


def test_few_channels_cross_and_the_rest_is_as_before() -> None:
    # LeNet-5: the first pool gives 6 x 14 x 14 values; two of six channels travel.
    graph = models["lenet5"]().declare(PICTURE)
    splitter = BottleneckSplitter(at=0.3, channels=2)
    pieces = splitter.split(graph)
    crossing = {message.source: message.num_bytes for message in pieces.messages}
    assert crossing["encode"] == 4 * 2 * 14 * 14
    assert crossing["decode"] == 4 * 6 * 14 * 14
    before, after = profile(graph), profile(splitter.extended(graph))
    assert after.total_macs - before.total_macs == 2 * 6 * 2 * 14 * 14  # two 1x1 convolutions
    assert not pieces.exact
    (problem,) = BottleneckSplitter(at=0.3, channels=6).check(graph)
    assert "saves nothing" in problem.message


@pytest.mark.slow
def test_a_run_trains_it_and_measures_what_arrives() -> None:
    """The sensor holds the first layer and the encoder: 6 numbers of 8 bits go to the cloud, instead of 32 floats."""
    outcome, events = carried_out(
        "task.splitter={kind: bottleneck, at: 0.5, channels: 6, message_bits: 8}",
        "task.placer={kind: given, assignment: {decode: 4, fc2: 4, head: 4}}",
        "task.training={steps: 150, batch_size: 64, optimizer: adam, lr: 0.01}",
        "task.failures.most_lost=0",
        "fleet.groups.0.device.ram_bytes=12000",
    )
    assert outcome.summary is not None
    assert [message["num_bytes"] for message in body(events, "plan")["messages"]] == [6 + 8, 40]
    rows = {event.body["name"]: event.body for event in events if event.kind == "contender"}
    metrics = outcome.summary.metrics
    assert rows["chosen"]["accuracy"] == metrics["accuracy"] > 0.85
    assert rows["teacher"]["accuracy"] == metrics["teacher_accuracy"]
    assert metrics["joined_difference"] == pytest.approx(0, abs=0.1)
    assert "bottleneck.safetensors" in outcome.summary.artifacts
