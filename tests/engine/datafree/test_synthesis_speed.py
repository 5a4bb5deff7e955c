"""The plain loops that the benchmark races against make the engine's images, so that the race is about speed alone."""

import numpy as np
import pytest

from benchmarks import _synthesis_page, synthesis
from engine.core.streams import stream
from engine.data.dataset import Split
from engine.models.weights import initial
from engine.models.zoo.resnet8 import Resnet8
from tests.engine.datafree import tiny

SMALL = {"generator": {"latent_size": 8, "channels": 4}, "steps": 3, "batch_size": 20}


def samples() -> Split:
    pixels = stream(0, "samples").normal(size=(200, 1, 8, 8)).astype(np.float32)
    return Split(pixels, np.arange(200) % 10)


@pytest.fixture(scope="module")
def world() -> synthesis.World:
    weights = tiny.weights(tiny.graph())
    return synthesis.world_of(tiny.graph(), tiny.graph(2), weights, tiny.PIXELS, samples())


def fields(name: str) -> dict[str, object]:
    member = type(synthesis.made(name))
    own = dict(SMALL)
    if "generator" in member.model_fields:
        output = member.model_fields["generator"].default.output
        own["generator"] = {**SMALL["generator"], "output": output}
    return {field: value for field, value in own.items() if field in member.model_fields}


@pytest.mark.parametrize(
    ("name", "freezes"), [*((name, True) for name in synthesis.SPEED_OF), ("deep_inversion", False)]
)
def test_both_make_the_same_images(name, freezes, world) -> None:
    synthesizer = synthesis.made(name, **fields(name))
    loops = synthesis.Own(synthesizer), synthesis.plain(synthesizer, world, freezes=freezes)
    for batch in range(2):
        found = []
        for loop in loops:
            loop.begin(world.view(batch, 0, tiny.student()))
            loop.advance(0, 2)
            loop.advance(2, 1)
            found.append(loop.finish())
        (own, own_labels), (plain, plain_labels) = found
        assert own.shape == plain.shape == (20, 1, 8, 8)
        off = (own - plain).abs()
        # where a gradient is nearly 0 its sign is rounding, and Adam's first steps are signs
        assert float(off.median()) < 1e-4
        assert float((off > 0.02).float().mean()) < 0.02
        assert float((own_labels == plain_labels).float().mean()) >= 0.95


def test_step_times_and_the_page(world) -> None:
    row = synthesis.step_times("dafl", world, rounds=1, steps=1)
    assert row["ratio"] > 0
    assert sum(row["shares"].values()) == pytest.approx(1.0)
    assert row["images_per_s"]["engine"] == pytest.approx(64 / (row["step_s"]["engine"] * row["steps_per_batch"]))
    side = {"images_s": 2.0, "student_s": 1.0, "best": 0.83, "reached": {"0.8": 3.0}, "num_images": 100}
    late = {**side, "best": 0.5, "reached": {}}
    tree = {
        "provenance": {"cpu": "C", "system": "S", "machine": "M"}, "torch": "T", "batch": 64, "load": 1.0,
        "steps": [row],
        "learning": [{"synthesizer": "dafl", "seed": 0, "steps": 20, "engine": side, "plain": late}],
    }  # fmt: skip
    text = _synthesis_page.text_of(tree)
    assert "| dafl | 20 | 3.0 s / not reached | 83.0% / 50.0% | 20.00 / 20.00 |" in text


def test_a_student_of_dreams_on_digits_is_timed_until_it_knows(monkeypatch) -> None:
    monkeypatch.setattr(synthesis, "TARGETS", (0.05, 0.06))
    monkeypatch.setitem(synthesis.STEPS_ON_DIGITS, "deep_inversion", 1)
    graph = Resnet8().declare(tiny.SAMPLE)
    world = synthesis.world_of(graph, tiny.graph(2), initial(graph, 0), tiny.PIXELS, samples())
    row = synthesis.learning("deep_inversion", world, samples(), 0)
    assert row["engine"]["reached"].keys() <= {"0.05", "0.06"}
    assert row["engine"]["num_images"] <= 1200
    assert row["plain"]["images_s"] > 0
