"""The network of filters and its communities, against sums and modularity worked out by hand."""

from typing import Any

import numpy as np
import pytest

from engine.inference.nonn.communities import bisected, communities, cut_weight
from engine.inference.nonn.filter_page import filter_page
from engine.inference.nonn.filters import FilterNetwork, FilterNetworkSettings, filter_network, relative
from engine.inference.partition import FilterGroups

FEATURES = np.array([[2.0, 1.0, 0.5], [0.0, 4.0, 2.0], [-1.0, 0.0, 0.0]], np.float32)
"""Relative activations (1, 1/2, 1/4), (0, 1, 1/2) and none."""

LABELS = np.array([1, 0, 0])


def network(rule="unequal", most_active=50) -> FilterNetwork:
    settings = FilterNetworkSettings(rule=rule, most_active=most_active)
    return filter_network(FEATURES, LABELS, 2, settings)


def upper(found: FilterNetwork):
    assert np.array_equal(found.weights, found.weights.T)
    assert not np.diag(found.weights).any()
    return found.weights[[0, 0, 1], [1, 2, 2]].tolist()


def test_activations_are_relative_to_the_most_active_filter_of_an_image() -> None:
    assert relative(FEATURES).tolist() == [[1.0, 0.5, 0.25], [0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("unequal", [1 / 4, 3 / 16, 1 / 32 + 1 / 4]),
        ("co_active", [0.5 / 1.5, 0.25 / 1.75, 0.125 / 1.25 + 0.5 / 1.5]),
        ("product", [0.5, 0.25, 0.125 + 0.5]),
    ],
)
def test_links_are_sums_over_images(rule, wanted) -> None:
    assert upper(network(rule)) == pytest.approx(wanted, rel=1e-12)


def test_only_the_most_active_filters_take_part() -> None:
    assert upper(network(most_active=2)) == pytest.approx([1 / 4, 0.0, 1 / 4])


def test_class_affinity_weighs_classes_equally() -> None:
    found = network()
    # Class 0 has two images, of activations (0, 1, 1/2) and none; class 1 has one, of (1, 1/2, 1/4).
    assert found.class_activity.tolist() == [[0.0, 1.0], [0.5, 0.5], [0.25, 0.25]]
    assert found.affinity.tolist() == [[0.0, 1.0], [0.5, 0.5], [0.5, 0.5]]


def test_links_below_the_percentile_of_those_above_0_are_cut() -> None:
    weights = np.zeros((6, 6))
    for place, (first, second) in enumerate([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)], start=1):
        weights[first, second] = weights[second, first] = place
    found = FilterNetwork(weights, np.zeros((6, 1)), percentile=50.0)
    # Of 1 to 5, each twice, the median is 3; weights are divided by 5.
    assert found.links[0, 3] == pytest.approx(0.6)
    assert found.links[1, 2] == pytest.approx(0.8)
    assert found.links[0, 1] == found.links[0, 2] == 0.0
    assert found.connected == (0, 1, 2, 3)
    assert FilterNetwork(np.zeros((3, 3)), np.zeros((3, 1)), 99.0).connected == ()


def two_blocks(between: float) -> np.ndarray:
    """Two blocks of four filters with links of 1, and links of this weight between the blocks; filter 8 is alone."""
    links = np.zeros((9, 9))
    links[:8, :8] = between
    links[:4, :4] = links[4:8, 4:8] = 1.0
    np.fill_diagonal(links, 0.0)
    return links


BLOCKS = ((0, 1, 2, 3), (4, 5, 6, 7))


@pytest.mark.parametrize("seed", range(5))
def test_resolution_stands_at_the_expected_term_of_modularity(seed) -> None:
    # All weights are 12 + 16 * 0.45 = 19.2. Modularity of the two blocks is 12 / 19.2 - g / 2, of the whole 1 - g: the
    # whole is better below g = 0.75, the blocks are above. A library that divides by g has it the other way round.
    links = two_blocks(0.45)
    assert communities(links, 1.43, seed) == BLOCKS
    assert communities(links, 0.7, seed) == ((0, 1, 2, 3, 4, 5, 6, 7),)


def test_a_group_is_cut_where_few_links_are() -> None:
    links = two_blocks(0.1)
    assert set(bisected(links, tuple(range(8)))) == set(BLOCKS)
    assert cut_weight(links, BLOCKS) == pytest.approx(1.6)
    assert sorted(map(len, bisected(links, tuple(range(8)), 0.1))) == [1, 7]
    assert set(bisected(links, (2, 8))) == {(2,), (8,)}


def test_students_do_not_learn_from_what_links_are_drawn_from() -> None:
    learned, drawn = FilterNetworkSettings().rows(50, seed=3)
    assert len(learned) == 45
    assert sorted([*learned, *drawn]) == list(range(50))
    assert [len(rows) for rows in FilterNetworkSettings(held_out=0).rows(50, seed=3)] == [50, 50]


def test_a_page_shows_filters_links_and_students() -> None:
    uncut = FilterNetwork(network().weights, network().class_activity, percentile=0.0)
    shown: Any = filter_page(uncut, FilterGroups(3, ((0, 1), (2,))))
    # Weights 1/4, 3/16 and 9/32 in the order 0-1, 0-2, 1-2; the largest is 9/32.
    assert shown["links"] == [[1, 2, 1.0], [0, 1, round(8 / 9, 4)], [0, 2, round(2 / 3, 4)]]
    assert [node["student"] for node in shown["nodes"]] == [0, 0, 1]
    assert [node["label"] for node in shown["nodes"]] == [1, 0, 0]
    assert shown["students"][0] == {"num_filters": 2, "affinity": [0.25, 0.75]}
    # Between the students are 0-2 and 1-2.
    assert shown["cut"] == pytest.approx((3 / 16 + 9 / 32) / (1 / 4 + 3 / 16 + 9 / 32), abs=1e-4)
