"""Messages of fewer bits: bytes by hand, errors within half a step."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_weights

from engine.core.sample import SampleSpec
from engine.inference.cuts.execution import execute, rounded
from engine.inference.cuts.narrowing import Bits, narrowed
from engine.inference.plans.comparison import bits_of, rows_of
from engine.inference.plans.planning import TEACHER
from engine.inference.splitter import splitters
from engine.models.build import build
from engine.models.model import models
from engine.models.weights import initial
from tests.engine.inference.test_inference_task import STUDENTS, body, carried_out, world_of

PICTURE = SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)


@pytest.mark.parametrize("bits", [8, 4])
def test_no_value_is_off_by_more_than_half_a_step(bits: int) -> None:
    x = (
        torch.randn((3, 4, 5, 5), generator=torch.Generator().manual_seed(0))
        * torch.tensor([1.0, 10.0, 0.0])[:, None, None, None]
    )
    error = (rounded(x, bits) - x).abs().flatten(1).amax(dim=1)
    step = (x.flatten(1).amax(dim=1) - x.flatten(1).amin(dim=1)) / (2**bits - 1)
    assert bool((error <= 0.501 * step).all())
    assert len(torch.unique(rounded(x, bits)[0])) <= 2**bits


@pytest.mark.parametrize(("bits", "most"), [(8, 0.02), (4, 0.3)])
def test_bytes_work_and_output(bits: Bits, most: float) -> None:
    """LeNet-5: the first pool gives 6 x 14 x 14 values; input and answer stay floats."""
    graph = models["lenet5"]().declare(PICTURE)
    whole = splitters["pipeline"]().split(graph)
    pieces = narrowed(whole, bits)
    assert narrowed(whole, 32) is whole
    assert not pieces.exact
    first, *inner, last = zip(whole.messages, pieces.messages, strict=True)
    assert first[0] == first[1]
    assert last[0] == last[1]
    for before, after in inner:
        assert after.num_bytes == before.num_bytes * bits // 32 + 8
    assert 6 * 14 * 14 * bits // 8 + 8 in {message.num_bytes for message in pieces.messages}
    sent = sum(before.num_bytes // 4 for before, _ in inner)
    other = [sum(piece.work.macs["other"] for piece in some.pieces) for some in (whole, pieces)]
    assert other[1] == other[0] + 2 * sent
    module = build(graph)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in initial(graph, 0).items()})
    module.eval()
    x = torch.randn((4, 1, 28, 28), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = module(x)
    error = (execute(module, pieces, x) - logits).abs().max() / logits.abs().max()
    assert 0 < float(error) < most


ROOM = "fleet.groups.0.device.ram_bytes=9900"
"""The sensor holds the first layer of the network and nothing more."""


@pytest.mark.slow
@pytest.mark.parametrize("bits", [32, 4])
def test_a_run_is_right_as_often_as_what_arrives_lets_it_be(bits: int) -> None:
    """The first layer on the sensor, the rest in the cloud: the accuracy is that of the rounded tensor between them."""
    assignment = "{flatten: 0, fc1: 0, fc2: 4, head: 4}"
    settings = [
        ROOM,
        f"task.splitter={{kind: layer, message_bits: {bits}}}",
        f"task.placer={{kind: given, assignment: {assignment}}}",
        "task.failures.most_lost=0",
    ]
    outcome, events = carried_out(*settings)
    assert outcome.summary is not None
    metrics = outcome.summary.metrics
    rows = {event.body["name"]: event.body for event in events if event.kind == "contender"}
    sent = [message["num_bytes"] for message in body(events, "plan")["messages"]]
    assert sent == [32 * bits // 8 + (8 if bits < 32 else 0), 40]
    assert rows["single_best"]["accuracy"] == metrics["teacher_accuracy"]
    assert (metrics["joined_difference"] > 1e-3) == (bits < 32)
    path = outcome.summary.artifacts["teacher.safetensors"]
    weights = load_weights(path)
    test = world_of(*settings).test
    first = np.maximum(test.x.reshape(len(test), -1) @ weights["fc1.weight"].T + weights["fc1.bias"], 0)
    heard = rounded(torch.from_numpy(first), bits).numpy() if bits < 32 else first
    second = np.maximum(heard @ weights["fc2.weight"].T + weights["fc2.bias"], 0)
    logits = second @ weights["head.weight"].T + weights["head.bias"]
    assert metrics["accuracy"] == pytest.approx(float((logits.argmax(axis=1) == test.y).mean()), abs=1e-9)


@pytest.mark.slow
def test_only_what_travels_is_rounded() -> None:
    """Students of which one stays where the answer is wanted: its message is not rounded, and the two others' are."""
    world = world_of(*STUDENTS, "task.splitter.message_bits=4")
    planning = world.planning
    last = len(planning.pieces.pieces) - 1
    at = (planning.problem.sink, *range(1, last), planning.problem.sink)
    carried = planning.problem.carried(at)
    arriving = [message.bits for message, ends in zip(carried.messages, carried.ends, strict=True) if ends[1] == last]
    assert arriving == [32] + [4] * (last - 1)
    alone = planning.problem.carried((planning.problem.sink,) * (last + 1))
    assert {message.bits for message in alone.messages} == {32}
    rows = {row["name"]: row["accuracy"] for row in rows_of(planning, 0.5, 0.9)}
    assert rows["chosen"] == 0.5
    assert rows[TEACHER] == 0.9
    bits = {name: bits_of(planning.problem, placement) for name, placement in planning.placements.items()}
    assert all(rows[name] == (0.5 if bits[name] == bits["chosen"] else None) for name in bits)


@pytest.mark.slow
def test_students_send_fewer_bytes_and_are_measured_with_them() -> None:
    outcome, events = carried_out(*STUDENTS, "task.splitter.message_bits=8", "task.training.steps=100")
    assert outcome.summary is not None
    sizes = [student["num_filters"] for student in body(events, "filters")["students"]]
    sent = [message["num_bytes"] for message in body(events, "plan")["messages"] if message["target"] == 0]
    assert set(sent) <= {size + 8 for size in sizes}
    assert 0 < outcome.summary.metrics["joined_difference"] < 0.05
    unharmed = body(events, "failures")["losses"][0]
    assert unharmed["accuracy"] == outcome.summary.metrics["accuracy"] > 0.5
