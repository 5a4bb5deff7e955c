"""Views, loss terms and descent on pixels: against torch's own operations, and against what dreams are for."""

import numpy as np
import pytest
import torch

from engine.core.errors import EngineError
from engine.core.streams import stream
from engine.data.datasets.digits import Digits
from engine.data.datasets.mnist import Mnist
from engine.datafree.images import pixels, terms
from engine.datafree.images.foreign import fitted_to
from engine.datafree.images.targets import is_rectified
from engine.datafree.images.views import SynthesisView
from engine.datafree.metadata_kinds.activation_clusters import ActivationClusters
from engine.datafree.metadata_kinds.batch_norm_statistics import BatchNormStatistics
from engine.datafree.metadata_kinds.class_gaussians import ClassGaussians
from engine.datafree.synthesizers.adaptive_deep_inversion import AdaptiveDeepInversion
from engine.datafree.synthesizers.deep_inversion import DeepInversion
from engine.datafree.synthesizers.dream_distillation import DreamDistillation
from engine.datafree.synthesizers.out_of_domain import OutOfDomain
from engine.models.build import build
from engine.models.zoo.lenet5 import Lenet5
from engine.models.zoo.mlp import Mlp
from tests.engine.datafree import dreaming


def images(count: int = 5, seed: int = 1) -> torch.Tensor:
    """Random images in the layout that synthesizers use."""
    x = stream(seed, "images").standard_normal((count, *dreaming.SAMPLE.shape), dtype=np.float32)
    return torch.from_numpy(x).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("watched", [True, False])
def test_the_view_computes_what_the_model_computes(watched: bool) -> None:
    shape, x = dreaming.graph(), images()
    plain = build(shape)
    plain.load_state_dict({name: torch.tensor(array) for name, array in dreaming.weights(shape).items()})
    logits, features = plain.eval().forward_with_features(x)
    seen = dreaming.teacher().forward(x, batch_norm=watched)
    assert torch.allclose(seen.logits, logits, atol=1e-5)
    assert torch.allclose(seen.features, features, atol=1e-5)


def test_moments_and_their_gradient_are_those_of_the_definition() -> None:
    """Against hooks on a plain module and ``torch.var_mean``."""
    shape, x = dreaming.graph(), images().requires_grad_()
    plain = build(shape)
    plain.load_state_dict({name: torch.tensor(array) for name, array in dreaming.weights(shape).items()})
    plain.eval()
    inputs: list[torch.Tensor] = []
    for name in ("norm1", "norm2"):
        getattr(plain, name).register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    loss = plain(x).square().sum()
    moments = [torch.var_mean(one, dim=(0, 2, 3), correction=0)[::-1] for one in inputs]
    targets = dreaming.teacher().batch_norm_targets
    expected = terms.batch_norm_term(moments, targets)
    seen = dreaming.teacher().forward(x)
    found = terms.batch_norm_term(seen.batch_norm, targets)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    (by_hand,) = torch.autograd.grad(expected + loss, x)
    (by_view,) = torch.autograd.grad(found + seen.logits.square().sum(), x)
    assert torch.allclose(by_hand, by_view, atol=1e-5 * float(by_hand.abs().max()))


def test_statistics_at_their_targets_cost_nothing() -> None:
    targets = dreaming.teacher().batch_norm_targets
    assert terms.batch_norm_term(targets, targets).item() == 0.0


def test_total_variation_of_a_single_bright_pixel() -> None:
    """In a corner it differs from one neighbor in three directions; the fourth, of the other diagonal, has none."""
    x = torch.zeros(1, 1, 3, 3)
    x[0, 0, 0, 0] = 2.0
    assert terms.total_variation(x).item() == pytest.approx(3 * 2.0)
    assert terms.mean_norm(x).item() == pytest.approx(2.0)


def test_the_closed_form_of_the_priors_is_their_gradient() -> None:
    x = images().requires_grad_()
    expected = 0.3 * terms.total_variation(x) + 0.2 * terms.mean_norm(x)
    (gradient,) = torch.autograd.grad(expected, x)
    found = torch.ones_like(gradient)
    tv, l2 = terms.add_prior_gradient_(found, x.detach(), 0.3, 0.2)
    assert (tv + l2).item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(found - 1.0, gradient, atol=1e-6)


def test_flat_images_have_priors_without_a_gradient() -> None:
    gradient = torch.zeros(2, 1, 4, 4)
    terms.add_prior_gradient_(gradient, torch.zeros(2, 1, 4, 4), 1.0, 1.0)
    assert not gradient.any()


def test_jensen_shannon_is_0_for_equals_and_1_for_opposites() -> None:
    logits = images(2).flatten(1)
    assert terms.jensen_shannon(logits, logits).item() == pytest.approx(0.0, abs=1e-6)
    apart = terms.jensen_shannon(torch.tensor([[300.0, 0.0]]), torch.tensor([[0.0, 300.0]]))
    assert apart.item() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_gradient_goes_back_the_way_that_the_image_came(mirrored: bool) -> None:
    x, move = images(), pixels.Move(2, -1, mirrored)
    seen = move.applied(x.requires_grad_())
    (expected,) = torch.autograd.grad((seen * images(seed=2)).sum(), x)
    assert torch.equal(move.undone(images(seed=2)), expected)


def test_images_are_only_mirrored_where_that_is_wanted() -> None:
    plain, flipping = (pixels.Descent(0.1, 2, flip, 0.0, 0.0) for flip in (False, True))
    moves = [pixels.Move.drawn(stream(1, "jitter", step), plain) for step in range(200)]
    assert not any(move.is_mirrored for move in moves)
    assert {move.down for move in moves} == {-2, -1, 0, 1, 2}
    mirrored = [pixels.Move.drawn(stream(1, "jitter", step), flipping).is_mirrored for step in range(200)]
    assert 60 < sum(mirrored) < 140


def finished(of: DreamDistillation | DeepInversion | AdaptiveDeepInversion, settings: object | None) -> torch.Tensor:
    file = None if settings is None else dreaming.collected(settings)
    return dreaming.batches(of, file, {0: [of.steps_per_batch]})[0].images


def test_dreams_hit_their_targets() -> None:
    of = DreamDistillation(batch_size=12, steps=120, tv=0.0)
    file = dreaming.collected(ActivationClusters(num_clusters=2, num_components=2, share=1.0))
    seen = dreaming.view(of, file)
    working = of.begin(seen, 0, {})
    _, first = of.advance(seen, working, 0, 1)
    working, _ = of.advance(seen, working, 0, of.steps)
    _, last = of.advance(seen, working, of.steps, 1)
    assert last["match"] < 0.2 * first["match"]


def test_without_noise_targets_are_centers() -> None:
    of = DreamDistillation(batch_size=12, noise_scale=0.0)
    file = dreaming.collected(ActivationClusters(num_clusters=1, num_components=2, share=1.0))
    working = of.begin(dreaming.view(of, file), 0, {})
    assert np.array_equal(working["targets"].numpy(), file.tensors["centers"][working["labels"].numpy()])


@pytest.mark.slow
def test_modern_dreams_meet_the_statistics_better() -> None:
    settings = ActivationClusters(num_clusters=2, num_components=2, share=1.0)
    distances = []
    for mode in ("faithful", "modern"):
        x = finished(DreamDistillation(batch_size=12, steps=60, mode=mode), settings)
        seen = dreaming.teacher().forward(x)
        distances.append(terms.batch_norm_term(seen.batch_norm, dreaming.teacher().batch_norm_targets).item())
    assert distances[1] < 0.9 * distances[0]


def test_gaussians_of_logits_can_be_dreamt_of() -> None:
    of = DreamDistillation(batch_size=12, steps=5)
    (done,) = dreaming.batches(of, dreaming.collected(ClassGaussians(share=1.0)), {0: [5]})
    assert done.labels.tolist() == [0, 1, 2] * 4


def test_inverted_images_get_their_labels_and_statistics() -> None:
    of = DeepInversion(batch_size=12, steps=80, batch_norm=1.0)
    seen = dreaming.view(of, None)
    before, after = of.begin(seen, 0, {}), dreaming.batches(of, None, {0: [80]})[0]
    told = [dreaming.teacher().forward(x) for x in (before["pixels"], after.images)]
    distances = [terms.batch_norm_term(one.batch_norm, dreaming.teacher().batch_norm_targets).item() for one in told]
    assert distances[1] < 0.8 * distances[0]
    losses = [torch.nn.functional.cross_entropy(one.logits, after.labels).item() for one in told]
    assert losses[1] < losses[0]


def test_statistics_of_a_file_stand_for_those_of_the_teacher() -> None:
    of = DeepInversion(batch_size=6, steps=3)
    assert torch.equal(finished(of, None), finished(of, BatchNormStatistics()))


def test_the_adaptive_form_looks_for_what_the_student_does_not_know() -> None:
    agreements = []
    for competition in (0.0, 20.0):
        of = AdaptiveDeepInversion(batch_size=12, steps=40, competition=competition, batch_norm=0.1)
        x = finished(of, None)
        divergence = terms.jensen_shannon(dreaming.teacher().forward(x).logits, dreaming.student()(x))
        agreements.append(1.0 - divergence.item())
    assert agreements[1] < agreements[0]


def test_the_adaptive_form_needs_the_student() -> None:
    of = AdaptiveDeepInversion(batch_size=4, steps=1)
    seen = SynthesisView(dreaming.teacher(), None, None, dreaming.SAMPLE, dreaming.pool, 1, 0)
    with pytest.raises(EngineError, match="needs the student"):
        of.advance(seen, of.begin(seen, 0, {}), 0, 1)


def test_dreams_need_metadata() -> None:
    of = DreamDistillation(batch_size=4)
    with pytest.raises(EngineError, match="activation_clusters"):
        of.begin(dreaming.view(of, None), 0, {})


def test_classes_come_equally_often() -> None:
    labels = torch.cat([dreaming.view(DeepInversion(), None, batch).batch_labels(8) for batch in range(3)])
    assert labels.bincount().tolist() == [8, 8, 8]


def test_foreign_images_take_shape_and_constants_of_the_private_ones() -> None:
    shown = np.full((2, 1, 4, 4), 255, dtype=np.uint8)
    x = fitted_to(shown, (2, 8, 8), dreaming.PIXELS)
    assert x.shape == (2, 2, 8, 8)
    assert torch.allclose(x, dreaming.teacher().high.expand_as(x))
    colored = np.stack([np.full((4, 4), value, dtype=np.uint8) for value in (0, 51, 204)])[np.newaxis]
    gray = fitted_to(colored, (2, 4, 4), dreaming.PIXELS)
    pixel = (gray[0, 0, 0, 0] * 0.3 + 0.3).item()
    assert pixel == pytest.approx((0 + 51 + 204) / 3 / 255, rel=1e-5)


def test_every_foreign_image_is_used_before_any_is_used_again() -> None:
    of = OutOfDomain(dataset=Digits(), batch_size=719)
    first, second = (of._chosen(dreaming.view(of, None, batch), batch) for batch in (0, 1))
    assert sorted([*first.tolist(), *second.tolist()]) == list(range(1438))


def test_which_features_cannot_be_negative() -> None:
    assert is_rectified(dreaming.graph())
    assert is_rectified(Mlp().declare(Digits().sample()))
    assert not is_rectified(Lenet5().declare(Mnist().sample()))
