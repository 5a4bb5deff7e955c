"""Synthesizers with a generator: losses by hand, what goes on between batches, and that they do what they are for."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.datafree.generation.contrast import Contrast, new_projection, projection_of
from engine.datafree.generation.fitted_generator import Fit, inversion_terms
from engine.datafree.generation.generator_terms import (
    activation_term,
    balance_term,
    certainty_term,
    disagreement,
    one_hot_term,
)
from engine.datafree.generation.generators import GeneratorSettings
from engine.datafree.synthesizer import synthesizers
from tests.engine.datafree import tiny

KINDS = ("adversarial", "cmi", "dafl", "fast_dfkd")
SMALL = GeneratorSettings(latent_size=8, channels=4)


def make(kind, **fields):
    return synthesizers[kind](**{"batch_size": 20, "steps": 4, "generator": SMALL, **fields})


def run(synthesizer, num_batches=2, chunks=(4,), **world):
    """Batches in a row; each is advanced in chunks of these sizes."""
    kept: dict[str, torch.Tensor] = {}
    made = []
    for batch in range(num_batches):
        view = tiny.view(batch, **world)
        working, first = synthesizer.begin(view, batch, kept), 0
        for size in chunks:
            working, losses = synthesizer.advance(view, working, first, size)
            assert all(math.isfinite(value) for value in losses.values())
            first += size
        finished = synthesizer.finish(view, working)
        kept = finished.kept
        made.append(finished)
    return made


def logits(*rows) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64).log()


SURE, TORN = (0.98, 0.01, 0.01), (0.5, 0.25, 0.25)


def test_terms_of_single_predictions() -> None:
    assert float(one_hot_term(logits(SURE, TORN))) == pytest.approx(-(math.log(0.98) + math.log(0.5)) / 2)
    entropies = [-sum(p * math.log(p) for p in row) for row in (SURE, TORN)]
    assert float(certainty_term(logits(SURE, TORN))) == pytest.approx(sum(entropies) / 2)
    assert float(activation_term(torch.tensor([[1.0, -3.0], [0.0, 2.0]]))) == -1.5


def test_balance_is_smallest_where_all_classes_come_equally_often() -> None:
    even = logits((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8))
    assert float(balance_term(even)) == pytest.approx(-math.log(3))
    mean = (0.74, 0.13, 0.13)
    found = balance_term(logits(SURE, TORN))
    assert float(found) == pytest.approx(sum(p * math.log(p) for p in mean))


def test_disagreements_by_hand() -> None:
    teacher, student = logits(SURE), logits(TORN)
    kl = sum(p * math.log(p / q) for p, q in zip(SURE, TORN, strict=True))
    assert float(disagreement(teacher, student, "kl")) == pytest.approx(kl)
    mae = sum(abs(math.log(p / q)) for p, q in zip(SURE, TORN, strict=True)) / 3
    assert float(disagreement(teacher, student, "mae")) == pytest.approx(mae)
    assert float(disagreement(teacher, teacher, "js")) == pytest.approx(0.0, abs=1e-9)
    opposite = torch.tensor([[90.0, 0.0]], dtype=torch.float64)
    assert float(disagreement(opposite, opposite.flip(1), "js")) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm", [True, False])
def test_it_works_with_and_without_batch_norm(kind, norm) -> None:
    weights = {"batch_norm": 1.0, "balance": 1.0, "certainty": 1.0} if kind == "adversarial" else {}
    first, second = run(make(kind, **weights), norm=norm)
    assert first.images.shape == (20, 1, 8, 8)
    assert not torch.equal(first.images, second.images)


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_do_not_change_a_bit(kind) -> None:
    whole, cut = (run(make(kind), chunks=chunks) for chunks in ((4,), (1, 3)))
    for one, other in zip(whole, cut, strict=True):
        assert torch.equal(one.images, other.images)
        assert {name: value.numpy().tobytes() for name, value in one.kept.items()} == {
            name: value.numpy().tobytes() for name, value in other.kept.items()
        }


@pytest.mark.parametrize(
    ("kind", "fields", "term"),
    [
        ("dafl", {"balance": 0.0, "activation": 0.0}, lambda seen, mine: one_hot_term(seen.logits)),
        ("adversarial", {"disagreement": "mae"}, lambda seen, mine: -disagreement(seen.logits, mine, "mae")),
        (
            "cmi",
            {"batch_norm": 0.0, "contrastive": 0.0},
            lambda seen, mine: functional.cross_entropy(seen.logits, torch.arange(20) % 10),
        ),
        (
            "fast_dfkd",
            {"batch_norm": 0.0},
            lambda seen, mine: functional.cross_entropy(seen.logits, torch.arange(20) % 10),
        ),
    ],
)
def test_steps_improve_what_they_are_for(kind, fields, term) -> None:
    view, student = tiny.view(), tiny.student()
    values = []
    for steps in (1, 40):
        (made,) = run(make(kind, steps=steps, lr=0.02, **fields), num_batches=1, chunks=(steps,))
        values.append(float(term(view.teacher.forward(made.images), student(made.images))))
    assert values[1] < values[0] - 0.01


def test_the_student_is_asked_only_where_both_decide_alike() -> None:
    view = tiny.view()
    images = view.normal((20, 1, 8, 8), "images").requires_grad_()
    seen = view.teacher.forward(images)
    fit = Fit(images, seen.logits.argmax(dim=1), 0)
    found = inversion_terms(view, seen, fit, {"batch_norm": 0.0, "one_hot": 0.0, "adversarial": 2.0})
    teacher, student = (functional.softmax(z, dim=1) for z in (seen.logits, tiny.student()(images)))
    alike = teacher.argmax(dim=1) == student.argmax(dim=1)
    divergences = (teacher * (teacher / student).log()).sum(dim=1)
    assert found.keys() == {"adversarial"}
    assert 0 < int(alike.sum()) < 20
    assert float(found["adversarial"].detach()) == pytest.approx(
        -2.0 * float(divergences[alike].sum().detach()) / 20, rel=1e-5
    )
    none = inversion_terms(
        view, seen, Fit(images, fit.labels, 0), {"batch_norm": 1.0, "one_hot": 1.0, "adversarial": 0.0}
    )
    assert none.keys() == {"batch_norm", "one_hot"}


def test_contrast_is_the_cross_entropy_of_the_own_cut_among_all_candidates() -> None:
    view = tiny.view()
    images = view.normal((3, 1, 8, 8), "images")
    features = view.teacher.forward(images).features
    memory = view.teacher.forward(-images).features
    layers = projection_of(new_projection(view))
    contrast = Contrast(view, layers, memory, 0.5)

    def projected(x):
        hidden = np.maximum(x.numpy() @ layers["projection.hidden"].value.numpy().T, 0)
        out = hidden @ layers["projection.out"].value.numpy().T
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    cuts = view.teacher.forward(contrast.cut(images, 7)).features
    similar = projected(features) @ np.concatenate([projected(cuts), projected(memory)]).T / 0.5
    wanted = np.mean([np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(similar)])
    assert float(contrast.term(images, features, 7)) == pytest.approx(float(wanted), rel=1e-4)
    assert torch.equal(contrast.cut(images, 7), contrast.cut(images, 7))
    assert not torch.equal(contrast.cut(images, 7), contrast.cut(images, 8))


def test_a_cut_lies_within_the_image() -> None:
    view = tiny.view()
    ramp = torch.arange(64.0).view(1, 1, 8, 8).repeat(50, 1, 1, 1)
    contrast = Contrast(view, {}, torch.zeros(0, 1), 1.0)
    cut = contrast.cut(ramp, 0)
    assert cut.shape == ramp.shape
    assert float(cut.min()) >= 0.0
    assert float(cut.max()) <= 63.0
    spans = cut[:, 0, -1, -1] - cut[:, 0, 0, 0]
    assert float(spans.min()) >= 0.55 * 63
    assert float(spans.max()) <= 63.0


def test_the_memory_forgets_the_oldest() -> None:
    first, second = run(make("cmi", memory_size=30))
    features = tiny.teacher().forward(first.images).features, tiny.teacher().forward(second.images).features
    assert torch.allclose(first.kept["memory"], features[0])
    assert torch.allclose(second.kept["memory"], torch.cat([features[0][10:], features[1]]))


def test_generators_of_cmi_start_anew_and_the_projection_goes_on() -> None:
    synthesizer = make("cmi")
    (first,) = run(synthesizer, num_batches=1)
    view = tiny.view(1)
    begun = synthesizer.begin(view, 1, first.kept)
    assert torch.equal(begun["projection.hidden"], first.kept["projection.hidden"])
    assert not torch.equal(begun["projection.hidden"], new_projection(tiny.view(0))["projection.hidden"])
    assert "generator" not in first.kept
    assert bool((begun["generator.first"] == 0).all())


@pytest.mark.parametrize("meta", ["reptile", "fomaml"])
def test_the_meta_generator_learns_from_the_copy(meta) -> None:
    synthesizer = make("fast_dfkd", meta=meta, meta_rate=0.25, lr=1.0)
    view = tiny.view()
    before = synthesizer.begin(view, 0, {})
    assert torch.equal(before["meta"], before["generator"])
    working, _ = synthesizer.advance(view, before, 0, 4)
    assert torch.equal(working["meta"], before["meta"])
    kept = synthesizer.finish(view, working).kept
    if meta == "reptile":
        wanted = 0.75 * before["meta"] + 0.25 * working["generator"]
    else:  # Adam's first step from zero means has the size of lr
        moved = working["gradient"].abs() > 1e-6
        wanted = torch.where(moved, before["meta"] - 0.25 * working["gradient"].sign(), kept["meta"])
    assert torch.allclose(kept["meta"], wanted, atol=3e-3 if meta == "fomaml" else 1e-6)
    after = synthesizer.begin(tiny.view(1), 1, kept)
    assert torch.equal(after["generator"], kept["meta"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_conditional_generator_is_given_the_wanted_classes(kind) -> None:
    settings = GeneratorSettings(latent_size=8, channels=4, conditional=True)
    (made,) = run(make(kind, generator=settings), num_batches=1)
    (plain,) = run(make(kind), num_batches=1)
    assert made.images.shape == plain.images.shape
    assert not torch.equal(made.images, plain.images)


def test_work_counts_looks_of_teacher_and_student() -> None:
    from engine.models.profile import profile

    teacher, student = profile(tiny.graph()), profile(tiny.graph(2))
    own = 3 * SMALL.macs(tiny.SAMPLE)
    looked = teacher.total_macs
    assert make("dafl").step_macs(teacher, student) == 20 * (own + 2 * looked)
    assert make("adversarial").step_macs(teacher, student) == 20 * (own + 2 * (looked + student.total_macs))
    assert make("cmi", adversarial=0.0).step_macs(teacher, student) == 20 * (own + 4 * looked)
