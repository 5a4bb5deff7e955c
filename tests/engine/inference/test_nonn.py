"""Networks of students end to end on the digits, and their loss against one worked out by hand."""

import time
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.core.sample import SampleSpec
from engine.inference.nonn.filters import FilterNetworkSettings, filter_network
from engine.inference.nonn.lessons import TaughtBatch, lesson, student_loss, teacher_outputs, transfer_terms
from engine.inference.nonn.partition_rooms import Room
from engine.inference.nonn.settings import TransferSettings
from engine.inference.nonn.sizes import of_size, rooms_of
from engine.inference.nonn.students import StudentNetwork, ensemble_students, ensemble_weights, knowledge_students
from engine.inference.nonn.survival import expected_accuracy, losses, shares_of
from engine.inference.partition import FilterGroups, partitions
from engine.models.build import build
from engine.models.model import models
from engine.models.weights import initial
from engine.training.augmentation import augmentations
from engine.training.supervised import Trainer, weights_in
from tests.engine.inference.classroom import (
    SAMPLE,
    STUDENT,
    TEACHER,
    accuracy,
    digits,
    net,
    outputs,
    rule,
    taught,
    teacher,
)


def batch(**fields) -> TaughtBatch:
    """One sample of two classes: the teacher's softened probabilities at temperature 4 are 3/4 and 1/4."""
    logits = torch.tensor([[4 * float(np.log(3.0)), 0.0]])
    return TaughtBatch(torch.zeros(1, 1), torch.tensor([0]), logits, torch.tensor([[0.0, 5.0]]), **fields)


def test_loss_by_hand() -> None:
    # The student's probabilities are even; its activations (3, 4) become (0.6, 0.8), the teacher's (0, 1).
    terms = transfer_terms(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), batch(), TransferSettings())
    divergence = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert float(terms["cross_entropy"]) == pytest.approx(0.1 * np.log(2.0))
    assert float(terms["soft_targets"]) == pytest.approx(2.88 * divergence, rel=1e-5)
    assert float(terms["transfer"]) == pytest.approx(103.0 * (0.6**2 + 0.2**2), rel=1e-5)


def test_weights_per_sample_are_those_of_the_authors_code() -> None:
    """The authors' alpha 0.9, T 4 and beta 10,000 with means over all elements, of 10 classes and 97 filters."""
    draw = np.random.Generator(np.random.PCG64(0))
    logits, features, teacher_logits, filters = (
        torch.from_numpy(draw.normal(size=size)) for size in ((5, 10), (5, 97), (5, 10), (5, 97))
    )
    labels = torch.tensor([0, 3, 9, 1, 1])
    wanted = 0.1 * torch.nn.functional.cross_entropy(logits, labels)
    student, target = torch.log_softmax(logits / 4, 1), torch.softmax(teacher_logits / 4, 1)
    wanted = wanted + 2 * 0.9 * 16 * (target * (target.log() - student)).mean()
    apart = features / features.norm(dim=1, keepdim=True) - filters / filters.norm(dim=1, keepdim=True)
    wanted = wanted + 10_000 * apart.pow(2).mean()
    found = transfer_terms(
        logits,
        features,
        TaughtBatch(torch.zeros(0), labels, teacher_logits, filters),
        TransferSettings(transfer_weight=10_000 / 97),
    )
    assert float(sum(found.values())) == pytest.approx(float(wanted), rel=1e-9)
    assert TransferSettings().transfer_weight == pytest.approx(10_000 / 97, rel=1e-2)


def test_terms_of_weight_0_are_left_out() -> None:
    nothing = TransferSettings(label_weight=0, soft_weight=1, transfer_weight=0)
    assert list(transfer_terms(torch.zeros(1, 2), torch.ones(1, 2), batch(), nothing)) == ["soft_targets"]


def test_failout_takes_a_student_from_the_last_layer_alone() -> None:
    network = knowledge_students(SAMPLE, [STUDENT, STUDENT], [3, 2])
    module = build(network.graph)
    settings = TransferSettings(soft_weight=0, transfer_weight=0, label_weight=1)
    x, labels = torch.ones(2, 1, 8, 8), torch.tensor([0, 1])
    given = TaughtBatch(x, labels, torch.zeros(2, 10), torch.zeros(2, 5), torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    found = student_loss(settings, network.slices)(module, given, {})["cross_entropy"]
    module.train()
    features = module.forward_with_features(x)[1].detach().clone()
    features[0, 3:] = 0.0
    wanted = torch.nn.functional.cross_entropy(module.head(features), labels)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.slow
def test_views_are_augmented_once_and_taken_in_turn() -> None:
    shift = augmentations["crop"]()
    samples = taught()
    samples.augment = (shift,)
    samples.outputs = [teacher_outputs(teacher(), samples.view(number)) for number in range(2)]
    assert not np.array_equal(samples.view(0), samples.view(1))
    taken = lesson(samples, rule(), 50, range(4), (TransferSettings(), [slice(0, 4)]))
    passes = len(samples.y) // 64
    for step, number in ((0, 0), (passes, 1), (2 * passes, 0)):
        given = taken.batch(step)
        rows = [
            np.flatnonzero((samples.view(number) == one).all(axis=(1, 2, 3)))[0] for one in given.inputs.numpy()[:3]
        ]
        assert np.array_equal(given.teacher_logits[:3].numpy(), samples.outputs[number].logits[rows])


def groups_of(kind: str, rooms, seed: int = 0) -> FilterGroups:
    train = digits("train")
    found = filter_network(outputs("train").filters, train.y, 10, FilterNetworkSettings(percentile=80, most_active=20))
    return partitions[kind]().divide(found, rooms, seed)


def trained(network: StudentNetwork, groups: FilterGroups, num_steps: int = 90, cuts=()):
    """The arrays after the training of all students together, cut into chunks at these steps."""
    transfer = TransferSettings(transfer_weight=10.0)
    taken = lesson(taught(), rule(), num_steps, groups.order, (transfer, network.slices))
    arrays = Trainer(network.graph).begin(initial(network.graph, 1), taken.settings)
    for first, last in pairwise((0, *cuts, num_steps)):
        arrays, _ = Trainer(network.graph).advance(arrays, taken, range(first, last))
    return arrays


@pytest.mark.slow
def test_two_students_learn_the_digits_and_survive_without_one() -> None:
    teacher()
    groups = groups_of("community", [Room(), Room()])
    network = knowledge_students(SAMPLE, [STUDENT, net(8, 16)], groups.sizes)
    assert network.graph.num_parameters < TEACHER.num_parameters / 3
    weights, test = weights_in(trained(network, groups)), digits("test")
    module = build(network.graph)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    with torch.no_grad():
        logits, features = module.eval().forward_with_features(torch.from_numpy(test.x))
    shares = shares_of(features.numpy(), weights, network.slices)
    found = losses(shares, test.y, 2)
    assert [loss.lost for loss in found] == [(), (0,), (1,), (0, 1)]
    assert found[0].accuracy == pytest.approx(accuracy(logits.numpy()), abs=0.003)
    assert accuracy(outputs("test").logits) > 0.9
    assert found[0].accuracy > 0.85
    for loss in found[1:3]:
        assert 0.12 < loss.accuracy < found[0].accuracy
    assert found[3].accuracy < 0.2
    with torch.no_grad():
        features[:, network.slices[1]] = 0.0  # what a lost student sends
        assert np.allclose(module.head(features).numpy(), shares.without([1]), atol=1e-4)
    certain = expected_accuracy(found, [1.0, 0.5])
    assert certain == pytest.approx((found[0].accuracy + found[2].accuracy) / 2)


def test_training_cut_anywhere_ends_with_the_same_bits() -> None:
    groups = groups_of("contiguous", [Room(), Room()])
    network = knowledge_students(SAMPLE, [STUDENT, STUDENT], groups.sizes)
    whole, cut = trained(network, groups, 12), trained(network, groups, 12, cuts=(5, 6))
    assert whole.keys() == cut.keys()
    assert all(np.array_equal(whole[name], cut[name]) for name in whole)


@pytest.mark.slow
def test_baselines_learn_from_the_same_cache() -> None:
    train = taught()
    soft = (TransferSettings(transfer_weight=0), ())
    members = []
    for number in range(2):
        taken = lesson(train, rule(), 60, (), soft)
        trainer = Trainer(STUDENT)
        arrays, terms = trainer.advance(trainer.begin(initial(STUDENT, number), rule()), taken, range(60))
        assert set(terms) == {"cross_entropy", "soft_targets", "loss"}
        members.append(weights_in(arrays))
    network = ensemble_students(SAMPLE, [STUDENT, STUDENT])
    weights = ensemble_weights(network, members)
    module = build(network.graph)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    with torch.no_grad():
        logits = module.eval()(torch.from_numpy(digits("test").x)).numpy()
    assert accuracy(logits) > 0.6


def test_rooms_follow_memory_and_speed() -> None:
    one = knowledge_students(SAMPLE, [STUDENT], [10]).pieces().pieces[0].peak_bytes
    rooms = rooms_of(SAMPLE, [STUDENT] * 3, [(one, 2.0), (one - 1, 1.0), (1e9, 1.0)], 48)
    assert [(room.weight, room.most) for room in rooms] == [(2.0, 10), (1.0, 9), (1.0, 48)]
    assert rooms_of(SAMPLE, [STUDENT], [(100.0, 1.0)], 48)[0].most == 0


@pytest.mark.parametrize(
    ("kind", "fields", "target"),
    [("wide_resnet", {}, 357_144), ("mlp", {"hidden": [20, 10]}, 20_000), ("resnet18", {"width": 0.125}, 700_000)],
)
def test_a_model_of_a_size(kind, fields, target) -> None:
    shape = SAMPLE if kind == "mlp" else SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
    found = of_size(models[kind].model_validate({"kind": kind, **fields}), shape, target)
    assert found.declare(shape).num_parameters == pytest.approx(target, rel=0.12)


def test_a_model_without_a_size_stays() -> None:
    model = models["mcmahan_cnn"]()
    assert of_size(model, SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10), 10**6) == model


def test_filter_networks_of_256_filters_take_seconds_at_most() -> None:
    features = np.abs(np.random.Generator(np.random.PCG64(0)).normal(size=(2000, 256)))
    before = time.process_time()
    network = filter_network(features, np.zeros(2000, np.int64), 10, FilterNetworkSettings())
    partitions["community"]().divide(network, [Room()] * 4, 0)
    assert time.process_time() - before < 20
