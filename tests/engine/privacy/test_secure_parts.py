"""The parts of secure sums against published vectors: keys, streams, shares, fixed point, neighbors."""

from itertools import combinations

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from engine.core.streams import stream
from engine.privacy.fixed_point import FixedPoint
from engine.privacy.keys import CHUNK_BYTES, add_mask, agree, public_key, seal, secrets_of, unseal
from engine.privacy.neighbors import neighbors_of
from engine.privacy.sharing import PRIME, SECRET_BYTES, SHARE_BYTES, evaluate, recover, share

# RFC 7748, section 6.1
ALICE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
ALICE_PUBLIC = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
BOB = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
BOB_PUBLIC = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
SHARED = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")


def test_keys_of_the_standard() -> None:
    assert public_key(ALICE) == ALICE_PUBLIC
    assert public_key(BOB) == BOB_PUBLIC
    assert X25519PrivateKey.from_private_bytes(ALICE).exchange(X25519PublicKey.from_public_bytes(BOB_PUBLIC)) == SHARED
    assert agree(ALICE, BOB_PUBLIC, "mask") == agree(BOB, ALICE_PUBLIC, "mask")
    assert agree(ALICE, BOB_PUBLIC, "mask") != agree(ALICE, BOB_PUBLIC, "box")


def test_secrets_are_a_function_of_seed_round_and_client() -> None:
    assert secrets_of(1, 2, 3) == secrets_of(1, 2, 3)
    assert len({secrets_of(*names).mask for names in [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4)]}) == 4
    drawn = secrets_of(1, 2, 3)
    assert len({drawn.mask, drawn.box, drawn.own}) == 3


def test_the_stream_is_aes_in_counter_mode() -> None:
    # NIST AESAVS: AES-256 of a block of zeros under a key of zeros
    values = np.zeros(4, dtype="<u4")
    add_mask(values, bytes(32))
    assert values.tobytes().hex() == "dc95c078a2408989ad48a21492842087"


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@pytest.mark.parametrize("count", [0, 1, 3, CHUNK_BYTES // 4 - 1, CHUNK_BYTES // 4 + 5])
def test_a_mask_comes_off_again_and_chunks_do_not_show(dtype: type, count: int) -> None:
    before = stream(0, "values").integers(0, np.iinfo(dtype).max, count, dtype=dtype, endpoint=True)
    values = before.copy()
    longer: np.ndarray = np.zeros(count + 1000, dtype=dtype)
    add_mask(values, b"k" * 32)
    add_mask(longer, b"k" * 32)
    assert (values - before == longer[:count]).all()
    add_mask(values, b"k" * 32, subtract=True)
    assert (values == before).all()


def test_a_box_opens_with_its_key_only() -> None:
    box = seal(b"k" * 32, b"shares")
    assert unseal(b"k" * 32, box) == b"shares"
    with pytest.raises(InvalidTag):
        unseal(b"x" * 32, box)
    with pytest.raises(InvalidTag):
        unseal(b"k" * 32, bytes([box[0] ^ 1]) + box[1:])


def test_shares_of_the_textbook() -> None:
    # Wikipedia, Shamir's secret sharing: f(x) = 1234 + 166 x + 94 x^2 modulo 1613
    values = {1: 1494, 2: 329, 3: 965, 4: 176, 5: 1188, 6: 775}
    assert {place: evaluate([1234, 166, 94], place, 1613) for place in values} == values
    for three in combinations(values, 3):
        assert recover({place: values[place] for place in three}, 1613) == 1234


def test_the_field_holds_every_secret() -> None:
    assert all(pow(base, PRIME - 1, PRIME) == 1 for base in (2, 3, 5, 7, 11, 13))
    larger = range(PRIME + 2, 2**257, 2)
    assert not any(pow(3, number - 1, number) == 1 for number in larger)
    assert 2 ** (8 * SECRET_BYTES) < PRIME < 2 ** (8 * SHARE_BYTES)


@pytest.mark.parametrize("threshold", [1, 2, 5])
def test_any_threshold_of_shares_gives_the_secret_and_fewer_do_not(threshold: int) -> None:
    secret = int.from_bytes(stream(3, "secret").bytes(32), "little")
    places = [4, 8, 15, 16, 23]
    shares = dict(zip(places, share(secret, threshold, places, stream(4, "shares")), strict=True))
    for some in combinations(places, threshold):
        assert recover({place: shares[place] for place in some}) == secret
    if threshold > 1:
        for some in combinations(places, threshold - 1):
            assert recover({place: shares[place] for place in some}) != secret


def test_one_share_too_few_fits_every_secret() -> None:
    # with two of three shares every secret is still possible: there is a third share that leads to it
    shares = share(7, 3, [1, 2, 3], stream(5, "shares"), 101)
    assert {recover({1: shares[0], 2: shares[1], 3: third}, 101) for third in range(101)} == set(range(101))


@pytest.mark.parametrize(("bits", "terms"), [(32, 3), (32, 1000), (64, 3), (64, 1000)])
def test_the_largest_sum_does_not_wrap(bits, terms: int) -> None:
    codec = FixedPoint(bits, 8.0, terms)
    for value in (8.0, -8.0, 1e9, -1e9):
        one = codec.encode(np.array([value]))
        total = np.zeros_like(one)
        for _ in range(terms):
            total += one
        assert codec.decode(total)[0] == pytest.approx(np.sign(value) * 8.0 * terms, rel=1e-12)
    assert terms * codec.levels < 2 ** (bits - 1)


@pytest.mark.parametrize("bits", [32, 64])
def test_rounding_is_within_half_a_step(bits) -> None:
    codec, values = FixedPoint(bits, 2.0, 10), stream(6, "values").uniform(-2.0, 2.0, 1000)
    step = 2.0 / codec.levels
    assert np.abs(codec.decode(codec.encode(values)) - values).max() <= 0.5 * step * (1 + 1e-6)
    assert codec.outside(np.array([1.9, -2.1, 2.1, 0.0])) == 2
    with pytest.raises(ValueError, match="finite"):
        codec.encode(np.array([np.nan]))


def test_rounding_toward_zero_makes_nothing_longer() -> None:
    codec = FixedPoint(32, 1.0, 100_000, toward_zero=True)
    for seed in range(20):
        values = stream(seed, "values").normal(0.0, 1e-4, 10_000)
        assert np.linalg.norm(codec.decode(codec.encode(values))) <= np.linalg.norm(values)


def test_neighbors_are_mutual_and_as_many_as_asked_for() -> None:
    clients = list(range(100, 131))
    ring = neighbors_of(clients, 6, 0, 1)
    assert {len(others) for others in ring.values()} == {6}
    assert all(client in ring[other] and client != other for client, others in ring.items() for other in others)
    assert ring != neighbors_of(clients, 6, 0, 2)
    assert neighbors_of(clients[:5], 6, 0, 1) == {c: tuple(sorted(set(clients[:5]) - {c})) for c in clients[:5]}
    reached, edge = set(clients[:1]), set(clients[:1])
    while edge:
        edge = {other for client in edge for other in ring[client]} - reached
        reached |= edge
    assert reached == set(clients)  # in one piece, or the sum of a piece would show
