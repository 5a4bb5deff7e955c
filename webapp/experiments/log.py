"""A run's log: how batches of events are stored, read and shown as frames."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
import zstandard

from webapp.experiments.models import EventBatch, Run

Frame = dict[str, Any]
"""``{"seq", "kind", "at", "sim_time_s", "body"}``; ``seq`` is None for notices outside the numbered log."""

MAX_BATCH_BYTES = 64 * 2**20
"""Largest batch that is unpacked; a guard against a broken row."""


def pack(events: Sequence[Frame]) -> bytes:
    """Events as compressed JSON."""
    # Level 9 takes a microsecond more a point than the default, and 7 % off the log, which is most of what is stored.
    return zstandard.ZstdCompressor(level=9).compress(orjson.dumps(list(events)))


def unpack(data: bytes | memoryview) -> list[Frame]:
    """The events of :func:`pack`."""
    raw = zstandard.ZstdDecompressor().decompress(bytes(data), max_output_size=MAX_BATCH_BYTES)
    events: list[Frame] = orjson.loads(raw)
    return events


def stamp(at: datetime) -> str:
    """A host time as frames and the API write it: ISO 8601 in UTC, with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def frames_of(batch: EventBatch) -> list[Frame]:
    """The events of a batch, each with the batch's host time."""
    at = stamp(batch.at)
    return [{**event, "at": at} for event in unpack(batch.data)]


def batches_after(run: Run, seq: int) -> Iterator[EventBatch]:
    """The batches that hold events after ``seq``, in order."""
    return run.batches.filter(seq_last__gt=seq).order_by("seq_first").iterator(chunk_size=20)


def events_after(run: Run, seq: int = 0, limit: int = 500) -> list[Frame]:
    """The first ``limit`` events of a run after ``seq``, as frames."""
    found: list[Frame] = []
    for batch in batches_after(run, seq):
        found.extend(frame for frame in frames_of(batch) if frame["seq"] > seq)
        if len(found) >= limit:
            break
    return found[:limit]


def notice(kind: str, body: dict[str, Any], at: datetime) -> Frame:
    """A frame outside the numbered log: progress or a change of state."""
    return {"seq": None, "kind": kind, "at": stamp(at), "sim_time_s": None, "body": body}


def progress_notice(run: Run, at: datetime) -> Frame:
    """How far the run is, as a frame."""
    body = {
        "done": run.progress_done,
        "total": run.progress_total,
        "unit": run.progress_unit,
        "sim_time_s": run.sim_time_s,
        "host_time_s": run.host_time_s,
        "remaining_s": run.remaining_s,
    }
    return notice("progress", body, at)


def state_notice(run: Run, at: datetime) -> Frame:
    """The run's state and what is wanted of it, as a frame."""
    return notice("state", {"state": run.state, "wanted": run.wanted}, at)
