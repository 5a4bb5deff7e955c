"""Keys of a secure sum: agreement between two clients, the streams that mask, and boxes that only one neighbor opens.

The primitives are those of the library ``cryptography``: X25519 (RFC 7748), HKDF with SHA-256 (RFC 5869), AES-256 in
counter mode (NIST SP 800-38A), AES-256-GCM (NIST SP 800-38D).

**This is a simulation.** Private keys come from the run's seed, so that a run can be repeated bit for bit; whoever has
the seed can take every mask off. A deployment draws them from the operating system's generator and keeps the rest.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.core.streams import stream

NONCE = bytes(12)
"""Every key seals exactly one box, so its nonce need be neither random nor sent."""

CHUNK_BYTES = 1 << 18
"""Bytes of a mask that are made at once: they stay in the cache until they are added."""

KEPT = 1 << 14
"""Clients whose keys a process remembers: it plays many clients, and every one meets all its neighbors."""

_ZEROS = memoryview(bytes(CHUNK_BYTES))


@dataclass(frozen=True)
class Secrets:
    """What one client keeps to itself in one round.

    Attributes:
        mask: private key behind the masks that it shares with each neighbor.
        box: private key behind the boxes.
        own: seed of the mask that it shares with nobody.
    """

    mask: bytes
    box: bytes
    own: bytes


@lru_cache(maxsize=KEPT)
def secrets_of(seed: int, round_number: int, client: int) -> Secrets:
    """A client's secrets of a round, from the run's seed."""
    drawn = stream(seed, "secure-keys", client, round_number).bytes(96)
    return Secrets(mask=drawn[:32], box=drawn[32:64], own=drawn[64:])


@lru_cache(maxsize=KEPT)
def public_key(private: bytes) -> bytes:
    """The public key that belongs to a private one."""
    return _private(private).public_key().public_bytes_raw()


def agree(private: bytes, public: bytes, purpose: str) -> bytes:
    """The key of 32 bytes that two clients share; each finds it from its own private and the other's public key."""
    shared = _private(private).exchange(X25519PublicKey.from_public_bytes(public))
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(shared)


@lru_cache(maxsize=KEPT)
def _private(key: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(key)


def add_mask(values: np.ndarray, key: bytes, *, subtract: bool = False) -> None:
    """Add the key's stream of numbers to ``values`` in place, modulo 2^32 or 2^64 by their type, or subtract it."""
    stream_of = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    little = values.dtype.newbyteorder("<")
    step = CHUNK_BYTES // values.itemsize
    out = bytearray(min(CHUNK_BYTES, values.nbytes) + 15)  # the library wants room for one block more
    for first in range(0, len(values), step):
        part = values[first : first + step]
        stream_of.update_into(_ZEROS[: part.nbytes], out)
        mask = np.frombuffer(out, dtype=little, count=len(part))
        if subtract:
            part -= mask
        else:
            part += mask


def seal(key: bytes, plain: bytes) -> bytes:
    """A box that only who has the key can open and nobody can change."""
    return AESGCM(key).encrypt(NONCE, plain, None)


def unseal(key: bytes, sealed: bytes) -> bytes:
    """What is in a box."""
    return AESGCM(key).decrypt(NONCE, sealed, None)
