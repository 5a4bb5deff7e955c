"""Where figures come from, in words: for pages that show them, and for results that rest on them."""

from collections.abc import Mapping, Sequence

from webapp.catalogue import quantities

MEANINGS: Mapping[str, str] = {
    "read": "taken from the source that is named",
    "derived": "worked out from figures that were read, by the formula that is named",
    "recalled": "from general knowledge, not from a source: off by a factor of two is possible",
    "user": "entered by somebody of the team",
    "calibrated": "measured on the device itself",
}
"""What each provenance means."""


def recalled_sentence(share: float | None) -> str:
    """How much of a cost rests on recalled figures, as a sentence; empty where the share is not known."""
    return "" if share is None else f"{_part(share)} of this cost rests on {_RECALLED}"


def recalled_range(shares: Sequence[float]) -> str:
    """The same of several costs."""
    if not shares:
        return ""
    least, most = min(shares), max(shares)
    if most - least < 5e-4:
        return f"{_part(most)} of each of these costs rests on {_RECALLED}"
    return f"{quantities.text(least, '%')} to {quantities.text(most, '%')} of these costs rest on {_RECALLED}"


_RECALLED = "recalled figures, which come from general knowledge instead of a source."


def _part(share: float) -> str:
    if share < 5e-5:
        return "Nothing"
    return "The whole" if share >= 0.9995 else quantities.text(share, "%")
