"""What every attack must keep, found through the registry: a new member needs no new line here."""

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.pixels import Pixels
from engine.federated.attack import Attack, Target, attacks

MEMBERS = list(attacks.members().items())
every_member = pytest.mark.parametrize("member", [cls for _, cls in MEMBERS], ids=[kind for kind, _ in MEMBERS])
IMAGES = Target(SampleSpec(kind="image", shape=(1, 8, 8), num_classes=10), Pixels(mean=(0.3,), std=(0.4,)))
MALICIOUS = np.isin(np.arange(10), [1, 4, 7])


def updates(dtype: type = np.float32) -> np.ndarray:
    """Ten updates."""
    return stream(1, "updates").standard_normal((10, 30)).astype(dtype)


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Forty images, with labels."""
    draw = stream(2, "samples")
    return draw.standard_normal((40, 1, 8, 8), dtype=np.float32), draw.integers(0, 10, 40)


@every_member
def test_does_something(member: type[Attack]) -> None:
    assert member.poisons or member.crafts


@every_member
@pytest.mark.parametrize("count", [10, 37, 100_000])
def test_the_same_share_of_clients_is_malicious(member: type[Attack], count: int) -> None:
    attack = member(fraction=0.3)
    ids = attack.malicious(count, stream(5, "attack"))
    assert len(ids) == attack.num_malicious(count) == round(0.3 * count)
    assert (np.diff(ids) > 0).all()
    assert ids.min() >= 0
    assert ids.max() < count
    assert (ids == attack.malicious(count, stream(5, "attack"))).all()


@every_member
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_honest_updates_stay_as_they_are(member: type[Attack], dtype: type) -> None:
    given = updates(dtype)
    sent = member().crafted(given.copy(), MALICIOUS, stream(3, "craft"))
    assert sent.dtype == dtype
    assert np.array_equal(sent[~MALICIOUS], given[~MALICIOUS])
    assert np.array_equal(sent[MALICIOUS], given[MALICIOUS]) == (not member.crafts)
    assert np.array_equal(sent, member().crafted(given.copy(), MALICIOUS, stream(3, "craft")))


@every_member
@pytest.mark.parametrize("ids", [[], [2], list(range(10))])
def test_any_number_of_malicious_clients_in_a_round(member: type[Attack], ids: list[int]) -> None:
    given = updates()
    sent = member().crafted(given.copy(), np.isin(np.arange(10), ids), stream(3, "craft"))
    assert np.isfinite(sent).all()
    assert ids or np.array_equal(sent, given)


@every_member
def test_poisoned_samples_are_as_many_and_of_the_same_form(member: type[Attack]) -> None:
    x, y = samples()
    x.flags.writeable = y.flags.writeable = False  # as those of a mapped data set
    bad_x, bad_y = member().poison(x, y, IMAGES, stream(4, "poison"))
    assert (bad_x.shape, bad_x.dtype) == (x.shape, x.dtype)
    assert (bad_y.shape, bad_y.dtype) == (y.shape, y.dtype)
    assert bad_y.min() >= 0
    assert bad_y.max() < 10
    same = np.array_equal(x, bad_x) and np.array_equal(y, bad_y)
    assert same == (not member.poisons)


@every_member
def test_a_mark_comes_with_the_label_that_it_shall_get(member: type[Attack]) -> None:
    x, y = samples()
    marked = member().trigger(x, y, IMAGES)
    if marked is None:
        return
    test_x, wanted = marked
    assert len(test_x) == len(wanted) > 0
    assert test_x.shape[1:] == x.shape[1:]
    assert len(set(wanted.tolist())) == 1
    assert len(test_x) == int((y != wanted[0]).sum()), "samples that have the label anyway say nothing"


@every_member
def test_a_share_of_nobody_is_told(member: type[Attack]) -> None:
    (problem,) = member(fraction=0.01).check(IMAGES, 30)
    assert problem.path == "fraction"
    assert "0.01" in problem.message
    assert "30" in problem.message
    assert member(fraction=0.1).check(IMAGES, 30) == []


@every_member
def test_equation_is_one_line(member: type[Attack]) -> None:
    assert len(member.equation) <= 100
    assert "\n" not in member.equation
