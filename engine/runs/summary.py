"""Results: the record of one run, and the result of a cell over its seeds; command line and platform share them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.core.json import JsonValue, plain
from engine.runs.statistics import spread
from engine.task.context import Summary

Record = Mapping[str, Any]
"""What is kept of one run: its ``seed``, ``state``, ``reason``, ``metrics``, ``baselines``, ``costs``, ``wall_s``,
``published`` figures and, where the task has something to say, ``words``."""


def record_of(seed: int, state: str, work_s: float, summary: Summary | None) -> dict[str, Any]:
    """The record of a run.

    Args:
        seed: its seed.
        state: how it ended (``done``, ``failed``, ``cancelled``) or where it stands.
        work_s: seconds of work on hosts, over all attempts.
        summary: of a run that is done.
    """
    return {
        "seed": seed,
        "state": state,
        "reason": summary.reason if summary else "",
        "metrics": plain(summary.metrics if summary else {}),
        "baselines": plain(summary.baselines if summary else {}),
        "costs": plain(summary.costs if summary else {}),
        "wall_s": work_s,
        "published": [asdict(figure) for figure in summary.published] if summary else [],
        **({"words": dict(summary.words)} if summary and summary.words else {}),
    }


def result_of(digest: str, records: Sequence[Record]) -> dict[str, Any]:
    """The result of a cell over its seeds, as it stands in ``result.json``.

    Metrics are over the runs that are done: mean, sample standard deviation, 95 % interval (``[low, high]``, Student's
    t) and the values in the order of ``seeds``, None for a run that is not done; a single run has neither deviation nor
    interval. Costs and baselines are means over the runs that are done. ``wall_s`` is the sum over all runs.
    ``reasons`` say why each run ended. ``words`` hold by name what the runs that are done say, one sentence each in the
    order of the seeds; they are left out where there are none.

    Args:
        digest: digest of the cell.
        records: one for each run, in the order of the seeds.
    """
    done = [record for record in records if record["state"] == "done"]
    return {
        "state": _state(records),
        "digest": digest,
        "seeds": [record["seed"] for record in records],
        "metrics": _spreads([record["metrics"] for record in records]),
        "baselines": _means([record["baselines"] for record in done]),
        "costs": _means([record["costs"] for record in done]),
        "wall_s": sum(record["wall_s"] for record in records),
        "reasons": [record["reason"] for record in records],
        "published": _unique(figure for record in done for figure in record["published"]),
        **({"words": words} if (words := _words(done)) else {}),
    }


def _words(done: Sequence[Record]) -> dict[str, list[str]]:
    names = dict.fromkeys(name for record in done for name in record.get("words", {}))
    return {name: [record["words"][name] for record in done if name in record.get("words", {})] for name in names}


def joined(cells: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The result of several cells, each a label with its result; a single one without a label stands for itself."""
    if len(cells) == 1 and not cells[0][0]:
        return dict(cells[0][1])
    return {"cells": [{"label": label, **result} for label, result in cells]}


def _state(records: Sequence[Record]) -> str:
    states = {record["state"] for record in records}
    for state in ("failed", "cancelled", "paused", "running", "queued"):
        if state in states:
            return state
    return "done"


def _spreads(metrics: Sequence[Mapping[str, float | None]]) -> dict[str, JsonValue]:
    return {name: _spread([values.get(name) for values in metrics]) for name in _names(metrics)}


def _spread(values: list[float | None]) -> JsonValue:
    known = [value for value in values if value is not None]
    if not known:
        return {"mean": None, "std": None, "ci95": None, "values": list(values)}
    found = spread(known)
    return {"mean": found.mean, "std": found.std, "ci95": plain(found.ci95), "values": list(values)}


def _means(entries: Sequence[Mapping[str, Any]]) -> dict[str, JsonValue]:
    return {name: _mean([entry[name] for entry in entries if name in entry]) for name in _names(entries)}


def _mean(values: list[Any]) -> JsonValue:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return spread(values).mean
    first: JsonValue = values[0]
    return first


def _names(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for entry in entries for name in entry))


def _unique(figures: Iterable[JsonValue]) -> list[JsonValue]:
    found: list[JsonValue] = []
    for figure in figures:
        if figure not in found:
            found.append(figure)
    return found
