"""Secure sums: exact whatever drops out above the threshold, refused below, and blind to single clients."""

import json
from collections import Counter
from collections.abc import Iterable
from functools import reduce

import numpy as np
import pytest
from scipy import stats

from engine.core.streams import stream
from engine.privacy.keys import add_mask, agree, public_key, secrets_of
from engine.privacy.secure_round import BOXES, MASKS, SecureRound, SecureSumFailed
from engine.privacy.secure_sum import SecureSum
from engine.privacy.secure_traffic import BOX_BYTES

CLIENTS = (3, 4, 7, 12, 20, 21, 33, 40, 41, 55)
SIZE = 33


def protocol(clients=CLIENTS, heaviest: float = 600.0, **settings) -> SecureRound:
    return SecureSum(**settings).round_of(11, 5, clients, heaviest)


def update_of(client: int, size: int = SIZE) -> tuple[np.ndarray, float]:
    draw = stream(client, "update")
    return draw.normal(0.0, 0.3, size).astype(np.float32), float(draw.integers(1, 600))


def add_up(vectors: Iterable[np.ndarray]) -> np.ndarray:
    """The sum modulo the power of two of their type."""
    return reduce(np.add, vectors)


def encoded(secure: SecureRound) -> dict[int, np.ndarray]:
    return {client: secure.encode(*update_of(client)) for client in secure.clients}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("neighbors", [None, 4, 8])
@pytest.mark.parametrize("gone", [(), (3,), (55,), (4, 41), (3, 20, 40), (7, 12, 21, 55)])
def test_the_sum_is_exact_whoever_goes_away(bits: int, neighbors: int | None, gone: tuple[int, ...]) -> None:
    secure = protocol(bits=bits, neighbors=neighbors, threshold=0.51)
    plain = encoded(secure)
    arrived = [client for client in CLIENTS if client not in gone]
    total = add_up(secure.mask(client, plain[client]) for client in arrived)
    left = {client: sum(other in arrived for other in secure.neighbors[client]) for client in CLIENTS}
    if any(left[client] < secure.shares_needed(client) for client in CLIENTS):
        assert neighbors is not None  # among all, 6 of 10 are enough; a ring may have lost too many in one place
        with pytest.raises(SecureSumFailed, match="neighbors left"):
            secure.unmask(total, arrived)
        return
    opened = secure.unmask(total, arrived)
    assert opened.dtype == f"u{bits // 8}"
    assert (opened == add_up(plain[client] for client in arrived)).all()


def test_blocks_may_be_summed_in_any_order() -> None:
    secure = protocol()
    masked = {client: secure.mask(client, vector) for client, vector in encoded(secure).items()}
    again = protocol()  # another worker, with nothing but seed, round and clients
    assert all((again.mask(c, v) == masked[c]).all() for c, v in encoded(again).items())
    first, second = add_up(masked[c] for c in CLIENTS[6:]), add_up(masked[c] for c in reversed(CLIENTS[:6]))
    assert (add_up([first, second]) == add_up(masked.values())).all()


def test_the_weighted_sum_is_within_rounding() -> None:
    secure = protocol(bits=32, clip_range=2.0)
    total = add_up(secure.mask(client, vector) for client, vector in encoded(secure).items())
    opened = secure.open(total, CLIENTS)
    wanted = np.sum([weight * update.astype(np.float64) for update, weight in map(update_of, CLIENTS)], axis=0)
    step = 600.0 * secure.codec.bound / secure.codec.levels
    assert np.abs(opened.summed - wanted).max() <= 0.5 * len(CLIENTS) * step
    assert opened.weight == pytest.approx(sum(update_of(client)[1] for client in CLIENTS), rel=1e-7)


def test_entries_beyond_the_range_count_as_the_range() -> None:
    secure = protocol(clip_range=0.5, heaviest=1.0)
    total = add_up(secure.mask(c, secure.encode(np.array([9.0, -9.0, 0.25]), 1.0)) for c in CLIENTS)
    assert secure.open(total, CLIENTS).summed == pytest.approx([5.0, -5.0, 2.5], rel=1e-7)


def test_clients_that_go_away_at_the_very_end() -> None:
    secure = protocol(threshold=0.6)
    plain = encoded(secure)
    arrived = CLIENTS[1:]
    total = add_up(secure.mask(client, plain[client]) for client in arrived)
    assert (secure.unmask(total, arrived, answered=CLIENTS[3:]) == add_up(plain[c] for c in arrived)).all()


def test_below_the_threshold_it_says_why() -> None:
    secure = protocol(threshold=0.7)
    plain = encoded(secure)
    arrived = CLIENTS[:6]
    with pytest.raises(SecureSumFailed, match=r"round 5 .* 6 of 10 clients are left, and 7 are needed") as caught:
        secure.unmask(add_up(secure.mask(c, plain[c]) for c in arrived), arrived)
    assert "threshold" in caught.value.remedy
    sparse = protocol(neighbors=2, threshold=1.0)
    with pytest.raises(SecureSumFailed, match="9 of 10"):
        sparse.unmask(plain[3], CLIENTS[1:])
    ring = protocol(neighbors=4, threshold=0.6)
    victim = CLIENTS[0]
    left = [client for client in CLIENTS if client not in ring.neighbors[victim][:2]]
    with pytest.raises(SecureSumFailed, match="of its 4 neighbors left, and 3 are needed"):
        ring.unmask(plain[3], left)


def test_two_clients_are_too_few() -> None:
    with pytest.raises(SecureSumFailed, match="2 clients took part"):
        protocol(clients=(1, 2)).unmask(np.zeros(2, np.uint32), (1, 2))


def test_an_update_without_numbers_counts_nothing() -> None:
    secure = protocol()
    vectors = {client: secure.encode(np.full(3, 0.5), 100.0) for client in CLIENTS}
    vectors[7] = secure.encode(np.array([1.0, np.inf, np.nan]), 100.0)
    opened = secure.open(add_up(secure.mask(client, vector) for client, vector in vectors.items()), CLIENTS)
    assert opened.weight == pytest.approx(900.0)
    assert opened.summed == pytest.approx([450.0] * 3, rel=1e-5)
    with pytest.raises(ValueError, match="weights"):
        protocol(heaviest=1.0).encode(np.zeros(2), 1.5)


@pytest.mark.parametrize("bits", [32, 64])
def test_one_masked_vector_looks_like_noise(bits) -> None:
    """Chi-square of the bytes of what the server sees of one client whose update is nothing but zeros."""
    secure = protocol(bits=bits)
    masked = secure.mask(7, secure.encode(np.zeros(50_000), 1.0))
    counts = np.bincount(np.frombuffer(masked.tobytes(), np.uint8), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-3
    shifted = secure.mask(7, secure.encode(np.ones(50_000), 1.0))
    assert (shifted - masked)[0] != 0  # the same masks: one round's keys must never mask two vectors
    other_round = SecureSum(bits=bits).round_of(11, 6, CLIENTS, 600.0)
    assert stats.pearsonr(other_round.mask(7, masked).astype(float), masked.astype(float)).pvalue > 1e-3


def test_a_vector_that_comes_late_stays_covered() -> None:
    """The server gave client 7 up and has its private key; of the vector that still arrives it learns nothing."""
    secure = protocol()
    plain = secure.encode(*update_of(7))
    late, mine = secure.mask(7, plain), secrets_of(11, 5, 7)
    for other in secure.neighbors[7]:
        add_mask(late, agree(mine.mask, public_key(secrets_of(11, 5, other).mask), MASKS), subtract=other > 7)
    assert (late != plain).all()
    add_mask(late, mine.own, subtract=True)
    assert (late == plain).all()


def test_boxes_hold_what_the_holder_answers() -> None:
    secure = protocol(neighbors=4)
    owner, holders = 12, secure.neighbors[12]
    boxes = secure.boxes(owner, holders)
    assert {len(box) for box in boxes} == {BOX_BYTES}
    mine, theirs = secrets_of(11, 5, owner), secrets_of(11, 5, holders[0])
    purpose = f"{BOXES} of {owner}"
    assert agree(mine.box, public_key(theirs.box), purpose) == agree(theirs.box, public_key(mine.box), purpose)
    key, own = (secure.answer(holders[0], owner, boxes[0], arrived=arrived) for arrived in (False, True))
    assert key != own
    assert boxes == secure.boxes(owner, holders)


def test_phases_count_every_byte_by_hand() -> None:
    """Nine neighbors, six shares needed, 33 numbers and a weight of 4 bytes each."""
    settings = SecureSum(threshold=0.6)
    found = {phase.name: (phase.bytes_up, phase.bytes_down) for phase in settings.phases(33, 10)}
    assert found == {
        "advertise_keys": (64, 9 * (4 + 64)),
        "share_keys": (9 * (4 + 82), 9 * (4 + 82)),
        "masked_input": (34 * 4, 2),
        "unmask": (9 * 33, 0),
    }
    sparse = SecureSum(neighbors=4, bits=64).phases(33, 1000)
    assert sparse[2].bytes_up == 34 * 8
    assert all(few.macs < many.macs for few, many in zip(sparse[1:], SecureSum().phases(33, 1000)[1:], strict=True))
    # two products of 256-bit numbers and more: key pairs alone are a third of a million multiply-accumulates
    assert 2 * 160_000 < settings.phases(33, 10)[0].macs < 2 * 200_000


def test_masked_bytes_are_those_that_are_counted() -> None:
    secure, settings = protocol(), SecureSum()
    masked = secure.mask(3, secure.encode(*update_of(3)))
    assert masked.nbytes == Counter({p.name: p.bytes_up for p in settings.phases(SIZE, 10)})["masked_input"]


def test_problems_and_facts() -> None:
    (problem,) = SecureSum().check(2)
    assert problem.code == "cohort_too_small"
    (problem,) = SecureSum().check(1_000_000)
    assert problem.path == "bits"
    assert SecureSum(bits=64).check(1_000_000) == []
    assert SecureSum().check(100) == []
    facts = SecureSum(neighbors=20).facts(10)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["neighbors"] == 9
