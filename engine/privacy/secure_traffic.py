"""What a secure sum costs every client: messages, bytes and arithmetic of each of its four phases.

Arithmetic is counted in multiply-accumulates of 32-bit words, derived from the algorithms and not measured on devices:

- X25519: 255 steps of 5 products, 4 squares and one product by a small constant, and an inversion of 254 squares and 11
  products (RFC 7748), each of 8 x 8 words and 8 more to reduce it.
- A stream cipher: AES-256 by tables, 14 rounds of 16 look-ups and 16 additions for 16 bytes.
- A share: per coefficient one product of 9 x 9 words and as much again to reduce it.
"""

from dataclasses import dataclass
from typing import Literal

from engine.privacy.sharing import SHARE_BYTES

FIELD_MACS = 8 * 8 + 8
X25519_MACS = 255 * (9 * FIELD_MACS + 8) + 265 * FIELD_MACS
CIPHER_MACS_PER_BYTE = 28
SHARE_MACS = 2 * 9 * 9
"""Multiply-accumulates of one field product, one scalar product, one byte of mask, one coefficient of one share."""

PUBLIC_BYTES = 32
TAG_BYTES = 16
"""Bytes of a public key of X25519, and by how much AES-GCM makes a box longer than what is in it."""

ID_BYTES = 4
BOX_BYTES = 2 * SHARE_BYTES + TAG_BYTES

PhaseName = Literal["advertise_keys", "share_keys", "masked_input", "unmask"]


@dataclass(frozen=True)
class Phase:
    """What one client does in one phase: it computes, sends, and then receives.

    Attributes:
        name: the phase; ``masked_input`` follows local training, the two before it open the round.
        bytes_up: payload to the server.
        bytes_down: payload from the server, once everybody's message is there; 0 if there is none.
        macs: multiply-accumulates before it sends, of the operator class ``other``.
    """

    name: PhaseName
    bytes_up: int
    bytes_down: int
    macs: int


def phases(num_neighbors: int, shares_needed: int, vector_bytes: int) -> tuple[Phase, ...]:
    """The four phases of a client.

    Args:
        num_neighbors: with whom it shares masks.
        shares_needed: how many of them must be left.
        vector_bytes: of its masked vector, the weight included.
    """
    forwarded = num_neighbors * (ID_BYTES + BOX_BYTES)
    cipher = CIPHER_MACS_PER_BYTE
    return (
        Phase("advertise_keys", 2 * PUBLIC_BYTES, num_neighbors * (ID_BYTES + 2 * PUBLIC_BYTES), 2 * X25519_MACS),
        Phase(
            "share_keys", forwarded, forwarded,
            num_neighbors * (X25519_MACS + 2 * shares_needed * SHARE_MACS + cipher * BOX_BYTES),
        ),
        Phase(
            "masked_input", vector_bytes, -(-num_neighbors // 8),
            num_neighbors * X25519_MACS + (num_neighbors + 1) * cipher * vector_bytes,
        ),
        Phase("unmask", num_neighbors * SHARE_BYTES, 0, num_neighbors * cipher * BOX_BYTES),
    )  # fmt: skip
