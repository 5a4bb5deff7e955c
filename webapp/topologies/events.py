"""The events of one round of a run, found in its log without reading all of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from webapp.experiments.log import Frame, unpack
from webapp.experiments.models import EventBatch, Run

KINDS = ("cohort", "metrics", "clients")
"""What the log tells of a round, in this order and one after the other."""


def round_events(run: Run, number: int) -> dict[str, Any]:
    """The bodies of a round's events by kind; empty if the log has no such round (yet).

    Args:
        run: whose log.
        number: of the round, from 1.
    """
    batches = list(run.batches.order_by("seq_first").values_list("pk", flat=True))
    low, high = 0, len(batches) - 1
    while low < high:  # the last batch from which on the log begins with an earlier round, or the first one
        middle = (low + high + 1) // 2
        first = _first_round(batches[middle:])
        if first is None or first >= number:
            high = middle - 1
        else:
            low = middle
    found: dict[str, Any] = {}
    for pk in batches[low:]:
        for told, frame in _told(pk):
            if told > number:
                return found
            if told == number:
                found[frame["kind"]] = frame["body"]
    return found


def _first_round(batches: Sequence[int]) -> int | None:
    """The first round of which these batches tell."""
    rounds = (told for pk in batches for told, _ in _told(pk))
    return next(rounds, None)


def _told(pk: int) -> Iterator[tuple[int, Frame]]:
    """The events of a batch that tell of a round, with its number."""
    for frame in unpack(EventBatch.objects.values_list("data", flat=True).get(pk=pk)):
        if frame["kind"] in KINDS:
            yield int(frame["body"]["round"]), frame
