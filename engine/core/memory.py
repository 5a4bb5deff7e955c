"""What an unchanging object keeps of what was computed from it."""

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")

MOST = 64
"""Results that one object keeps at most; then it begins anew."""


def remembered(owner: object, key: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, computed once per owner and key.

    Args:
        owner: never changes, and lets go of what it keeps when it is let go itself; ``dataclasses.replace`` takes
            nothing along.
        key: what the result depends on besides the owner.
        make: computes it; whoever gets the result does not write to it.
    """
    kept = owner.__dict__.setdefault("_remembered", {})
    if key not in kept:
        if len(kept) >= MOST:
            kept.clear()
        kept[key] = make()
    return cast("T", kept[key])
