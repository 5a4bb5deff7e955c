"""Partitioners by the geometry that their papers state."""

import numpy as np
import pytest

from engine.core.errors import SpecError
from engine.core.streams import stream
from engine.data.datasets.digits import Digits
from engine.data.datasets.spoken_digits import SpokenDigits
from engine.data.partitioner import grouped
from engine.data.partitioners.by_user import ByUser
from engine.data.partitioners.dirichlet import Dirichlet
from engine.data.partitioners.feature_shift import FeatureShift
from engine.data.partitioners.iid import Iid
from engine.data.partitioners.natural import Natural
from engine.data.partitioners.quantity import Quantity
from engine.data.partitioners.shards import Shards

CIFAR = stream(0, "labels").permutation(np.repeat(np.arange(10), 5000))


def test_grouped_by_hand() -> None:
    parts = grouped(np.array([2, 0, 2, 5, 0]), 4)
    assert [part.tolist() for part in parts] == [[1, 4], [], [0, 2], []]


def test_shards_have_the_geometry_of_fedmax() -> None:
    """CIFAR-10, 200 shards of 250, two for each of 100 clients: 500 images of at most two classes."""
    parts = Shards(classes_per_client=2).split(CIFAR, 100, seed=0)
    assert {len(part) for part in parts} == {500}
    assert max(len(np.unique(CIFAR[part])) for part in parts) == 2
    # shards are dealt at random: 9 of 10 clients get two classes (180 of the other 199 shards are of another class)
    assert 80 <= sum(len(np.unique(CIFAR[part])) == 2 for part in parts) <= 98


def test_shards_across_a_class_border_are_documented() -> None:
    """MNIST's classes are not multiples of 300, so some clients of McMahan et al. have more than two digits."""
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    labels = np.repeat(np.arange(10), counts)
    parts = Shards(classes_per_client=2).split(labels, 100, seed=0)
    assert {len(part) for part in parts} == {600}
    classes = [len(np.unique(labels[part])) for part in parts]
    assert max(classes) <= 4
    # nine class borders lie within at most nine of the 200 shards
    assert sum(count > 2 for count in classes) <= 9


def test_iid_parts_are_equal_and_alike() -> None:
    parts = Iid().split(CIFAR, 99, seed=0)
    assert {len(part) for part in parts} == {505, 506}
    shares = np.stack([np.bincount(CIFAR[part], minlength=10) / len(part) for part in parts])
    assert shares.max() < 0.1 + 6 * (0.1 * 0.9 / 505) ** 0.5


def test_dirichlet_proportions_have_the_variance_of_their_law() -> None:
    """A share of Dir(alpha, ..., alpha) over C clients has the variance (1/C)(1-1/C)/(C alpha + 1)."""
    alpha, num_clients = 0.5, 20
    shares = [
        np.bincount(
            np.repeat(
                np.arange(num_clients),
                list(map(len, Dirichlet(alpha=alpha).split(np.zeros(10_000, int), num_clients, seed))),
            ),
            minlength=num_clients,
        )
        / 10_000
        for seed in range(200)
    ]
    expected = (1 / num_clients) * (1 - 1 / num_clients) / (num_clients * alpha + 1)
    assert abs(np.var(shares) / expected - 1) < 0.15


def test_dirichlet_of_equal_sizes_matches_its_law() -> None:
    """Mixture entries of Dir(alpha * 1/10) over ten classes have the variance 0.1 * 0.9 / (alpha + 1)."""
    alpha = 1.0
    parts = [
        part for seed in range(5) for part in Dirichlet(alpha=alpha, equal_sizes=True).split(CIFAR, 100, seed)[:30]
    ]
    assert {len(part) for part in parts} == {500}
    shares = np.stack([np.bincount(CIFAR[part], minlength=10) / len(part) for part in parts])
    assert abs(shares.var() / (0.09 / (alpha + 1)) - 1) < 0.2


def test_dirichlet_leaves_nobody_below_the_minimum() -> None:
    parts = Dirichlet(alpha=0.01, min_samples=40).split(CIFAR, 200, seed=1)
    assert min(map(len, parts)) == 40
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(CIFAR)))


@pytest.mark.parametrize("alpha", [1e-6, 1e6])
def test_extreme_concentrations_stay_partitions(alpha: float) -> None:
    for equal in (False, True):
        parts = Dirichlet(alpha=alpha, equal_sizes=equal).split(CIFAR[:2000], 50, seed=0)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(2000))


def test_quantity_by_hand() -> None:
    assert {len(part) for part in Quantity(skew=0).split(CIFAR, 100, seed=0)} == {500}
    # power law of exponent 1 over four clients: weights 1, 1/2, 1/3, 1/4 of 25/12 in all
    sizes = sorted(map(len, Quantity(law="power", skew=1, min_samples=1).split(CIFAR[:2504], 4, seed=0)), reverse=True)
    assert sizes == [1201, 601, 401, 301]
    logs = np.log(list(map(len, Quantity(skew=1.0).split(CIFAR, 1000, seed=0))))
    assert abs(logs.std() - 1) < 0.1
    assert min(map(len, Quantity(skew=4.0, min_samples=7).split(CIFAR, 100, seed=0))) >= 7


def test_natural_parts_are_the_owners() -> None:
    owners = np.array([1, 0, 2, 1, 0])
    assert [part.tolist() for part in Natural().split(np.zeros(5, int), 3, 0, owners)] == [[1, 4], [0, 3], [2]]
    assert [part.tolist() for part in Natural().split(np.zeros(5, int), 2, 0, owners)] == [[1, 4], [0, 3]]
    with pytest.raises(SpecError, match="3 clients of its own; 4 were asked for"):
        Natural().split(np.zeros(5, int), 4, 0, owners)
    with pytest.raises(SpecError, match="clients of its own"):
        Natural().split(np.zeros(5, int), 2, 0)


def test_users_are_never_torn_apart() -> None:
    owners = np.repeat(np.arange(7), [5, 1, 9, 4, 2, 2, 7])
    labels = np.zeros(len(owners), dtype=int)
    alone = ByUser().split(labels, 7, 0, owners)
    assert sorted(map(len, alone)) == [1, 2, 2, 4, 5, 7, 9]
    for count in (1, 2, 3):
        parts = ByUser().split(labels, count, 0, owners)
        users = [set(owners[part].tolist()) for part in parts]
        assert sum(map(len, users)) == 7
        assert max(map(len, users)) - min(map(len, users)) <= 1
    with pytest.raises(SpecError, match="7 users for 8 clients"):
        ByUser().split(labels, 8, 0, owners)


def test_the_speakers_of_a_data_set_limit_its_devices() -> None:
    assert ByUser().suits(SpokenDigits(), 6) == []
    assert ByUser().suits(SpokenDigits(), 2) == []
    (problem,) = ByUser().suits(SpokenDigits(), 7)
    assert "6 users for 7 clients" in problem.message
    assert ByUser(num_parts=3).num_shards(10) == 3


def test_noise_has_the_variance_of_the_paper() -> None:
    """Client i of N, counted from 1, has a variance of noise * i / N."""
    x = np.zeros((1000, 1, 10, 10), dtype=np.float32)
    for client in range(4):
        seen = FeatureShift(noise=0.8).shift(x, client, 4, seed=1)
        assert abs(seen.var() / (0.8 * (client + 1) / 4) - 1) < 0.02
        assert abs(seen.mean()) < 0.01
    assert np.array_equal(FeatureShift(noise=0).shift(x, 3, 4, 0), x)


def test_groups_of_clients_see_images_turned() -> None:
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)  # 0 1 / 2 3
    seen = [FeatureShift(noise=0, rotations=4).shift(x, client, 8, 0).ravel().tolist() for client in range(5)]
    assert seen == [[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0], [2, 0, 3, 1], [0, 1, 2, 3]]
    half = [FeatureShift(noise=0, rotations=2).shift(x, client, 8, 0).ravel().tolist() for client in range(3)]
    assert half == [[0, 1, 2, 3], [3, 2, 1, 0], [0, 1, 2, 3]]
    assert FeatureShift(rotations=4).suits(Digits(), 5) == []
    assert [p.path for p in FeatureShift(rotations=4).suits(SpokenDigits(), 5)] == ["rotations"]
    assert FeatureShift(rotations=2).suits(SpokenDigits(), 5) == []
    assert [p.path for p in FeatureShift(rotations=2).suits(SpokenDigits(form="sequence"), 5)] == ["rotations"]


def test_the_number_of_parts_can_be_fixed() -> None:
    assert Iid().num_shards(1000) == 1000
    assert Iid(num_parts=100).num_shards(1000) == 100
    assert Natural().num_shards(6) == 6


def test_impossible_requests_are_told_with_both_numbers() -> None:
    (problem,) = Dirichlet(min_samples=10).check(num_samples=900, num_classes=10, num_clients=100)
    assert problem.code == "too_few_samples"
    for number in ("100", "10", "1000", "900"):
        assert number in problem.message
    found = Shards(classes_per_client=20).check(num_samples=100, num_classes=10, num_clients=100)
    assert {problem.path for problem in found} == {"", "classes_per_client"}
    with pytest.raises(SpecError):
        Shards(classes_per_client=20).split(CIFAR[:100], 100, seed=0)


@pytest.mark.slow
def test_a_hundred_thousand_clients_are_no_matter() -> None:
    labels = np.arange(200_000) % 10
    for partitioner in (Iid(), Shards(), Quantity(), Dirichlet(), Dirichlet(equal_sizes=True)):
        parts = partitioner.split(labels, 100_000, seed=0)
        assert len(parts) == 100_000
        assert min(map(len, parts)) >= 1
