"""The settings of encodings that a user can choose, and the way of a message from end to end."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import kind_of
from engine.encodings.encoding import Encoding, Tensors, coded_of, encodings
from engine.encodings.entropy import STAGE_BYTES, Entropy, squeezed, unsqueezed
from engine.encodings.members.none import Uncoded

RESIDUAL, OWN = "residual", "own"
"""Prefixes in a sender's memory: what was lost so far, and what the encoding itself keeps."""


@dataclass(frozen=True)
class Delivery:
    """A message after its way.

    Attributes:
        tensors: what arrived, in the names, order, shapes and types that were sent.
        num_bytes: what really travelled.
        memory: what the sender keeps for its next message, flat names; empty if nothing.
    """

    tensors: dict[str, np.ndarray]
    num_bytes: int
    memory: dict[str, np.ndarray]


class EncodingSettings(Component):
    """How messages are made small in either direction; every byte that is counted was really made."""

    source: ClassVar[str] = (
        "F. Seide et al., 1-Bit Stochastic Gradient Descent and its Application to Data-Parallel Distributed Training "
        "of Speech DNNs, Interspeech 2014; S. P. Karimireddy et al., Error Feedback Fixes SignSGD and other Gradient "
        "Compression Schemes, ICML 2019, Algorithm 2"
    )

    up: Annotated[Encoding, encodings.field()] = Field(default_factory=Uncoded)
    """How clients encode their updates."""

    down: Annotated[Encoding, encodings.field()] = Field(default_factory=Uncoded)
    """How the server encodes the model; clients start from what they decode."""

    error_feedback: bool = False
    """Whether a client keeps what encoding its update lost and adds it to its next update (one array of the model's
    size on every client that took part)."""

    entropy: Entropy = "none"
    """What a general compressor adds to every message, in both directions: zstd (Zstandard, RFC 8878) takes out what
    repeats; estimates count as if it gained nothing."""

    @property
    def is_plain(self) -> bool:
        """Whether messages travel as they are, in both directions."""
        return self.plain_up and self.plain_down

    @property
    def plain_up(self) -> bool:
        """Whether updates travel as they are."""
        return isinstance(self.up, Uncoded) and self.entropy == "none"

    @property
    def plain_down(self) -> bool:
        """Whether the model travels as it is."""
        return isinstance(self.down, Uncoded) and self.entropy == "none"

    @property
    def keeps_memory(self) -> bool:
        """Whether clients keep something between their messages."""
        return self.up.keeps_memory or self.feeds_back

    @property
    def feeds_back(self) -> bool:
        """Whether clients keep what their messages lost: as many numbers as the model has."""
        return self.error_feedback and not self.up.is_lossless

    def check(self) -> list[Problem]:
        """What does not go together; paths are relative to the settings."""
        problems = []
        if not self.down.suits_weights:
            fitting = ", ".join(kind for kind, member in encodings.members().items() if member.suits_weights)
            message = f"a whole model does not survive {kind_of(type(self.down))}; for the way down there are {fitting}"
            problems.append(Problem("down", "not_for_weights", message))
        if self.error_feedback and not self.up.suits_feedback:
            message = (
                f"{kind_of(type(self.up))}, as it is set, can lose more than was sent, and what is fed back would grow "
                "from round to round; take another encoding, or more levels, smaller buckets or scaled: false"
            )
            problems.append(Problem("error_feedback", "feedback_grows", message))
        return problems

    def send_up(self, tensors: Tensors, draw: np.random.Generator, memory: Tensors) -> Delivery:
        """A client's update on its way to the server.

        With error feedback the message is the update plus what was lost before, and what arrives plus what is lost now
        is exactly that (Karimireddy et al., Algorithm 2): in the sum over rounds everything arrives. A message that
        never reached the server must leave the client's memory as it was.

        Args:
            tensors: arrays by name.
            draw: the message's own random stream.
            memory: what the last message left; empty at first.
        """
        sent = _with_residual(tensors, memory) if self.feeds_back else dict(tensors)
        encoded = self.up.encode(sent, draw, _part(OWN, memory))
        message = squeezed(encoded.payload, self.entropy)
        arrived = self.up.decode(unsqueezed(message, self.entropy), tensors)
        kept = {f"{OWN}/{name}": array for name, array in encoded.memory.items()}
        if self.feeds_back:
            kept |= {f"{RESIDUAL}/{name}": _lost(sent[name], array) for name, array in coded_of(arrived).items()}
        return Delivery(arrived, len(message), kept)

    def send_down(self, tensors: Tensors, draw: np.random.Generator) -> Delivery:
        """The server's message on its way to the clients of a round, to all the same bytes."""
        message = squeezed(self.down.encode(tensors, draw, {}).payload, self.entropy)
        return Delivery(self.down.decode(unsqueezed(message, self.entropy), tensors), len(message), {})

    def expected_up(self, like: Tensors) -> int:
        """Bytes of an update, from shapes alone."""
        return self.up.expected_bytes(like) + self._stage_bytes

    def expected_down(self, like: Tensors) -> int:
        """Bytes of the server's message, from shapes alone."""
        return self.down.expected_bytes(like) + self._stage_bytes

    @property
    def _stage_bytes(self) -> int:
        return 0 if self.entropy == "none" else STAGE_BYTES


def _with_residual(tensors: Tensors, memory: Tensors) -> dict[str, np.ndarray]:
    """The message and what was lost before; stores of states may give back a scalar as an array of one number."""
    lost = _part(RESIDUAL, memory)
    return {name: array + lost[name].reshape(array.shape) if name in lost else array for name, array in tensors.items()}


def _lost(sent: np.ndarray, arrived: np.ndarray) -> np.ndarray:
    """What did not arrive; nothing where a number was not finite, for such messages travel as they are."""
    with np.errstate(invalid="ignore"):
        lost = sent - arrived
    return np.where(np.isfinite(lost), lost, 0).astype(sent.dtype)


def _part(prefix: str, memory: Tensors) -> dict[str, np.ndarray]:
    head = f"{prefix}/"
    return {name.removeprefix(head): array for name, array in memory.items() if name.startswith(head)}
