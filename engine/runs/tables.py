"""Tables of a run as CSV: metrics from its events, costs from its ledger."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def metric_rows(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each ``metrics`` event: ``seq``, ``sim_time_s``, ``round`` and every value under its name."""
    return [
        {
            "seq": event["seq"],
            "sim_time_s": event["sim_time_s"],
            "round": event["body"].get("round"),
            **event["body"].get("values", {}),
        }
        for event in events
        if event["kind"] == "metrics"
    ]


def to_csv(rows: Sequence[Row], first: Sequence[str] = ()) -> str:
    """The rows as CSV text; columns are ``first`` and then every name in the order in which it appears."""
    columns = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def from_csv(text: str) -> list[dict[str, str]]:
    """The rows of CSV text, every value as it stands."""
    return list(csv.DictReader(io.StringIO(text)))
