"""Plays as text: who says what."""

import re
from dataclasses import dataclass

import numpy as np

SPEECH = re.compile(r"(?P<role>[^\n:]+):\n(?P<text>.*)", re.DOTALL)


@dataclass(frozen=True)
class Role:
    """A speaking role with all that it says, speeches joined by line ends."""

    name: str
    text: str


def roles_of(play: str) -> list[Role]:
    """The speaking roles of plays, in order of their first speech; roles of one name are one role.

    A speech is a paragraph whose first line is the role's name with a colon; other paragraphs are passed over.
    """
    said: dict[str, list[str]] = {}
    for paragraph in re.split(r"\n{2,}", play.strip()):
        speech = SPEECH.fullmatch(paragraph)
        if speech is not None:
            said.setdefault(speech["role"], []).append(speech["text"])
    return [Role(name, "\n".join(texts)) for name, texts in said.items()]


def windows(tokens: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences that follow each other without overlap, and the same shifted by one place.

    Args:
        tokens: (M,) integers.
        length: places of a sequence, T.

    Returns:
        Inputs (N, T) and, for each place, the token that follows (N, T); N = (M - 1) // T, the rest is dropped.
    """
    count = max(0, (len(tokens) - 1) // length)
    used = tokens[: count * length + 1]
    return used[:-1].reshape(count, length), used[1:].reshape(count, length)
