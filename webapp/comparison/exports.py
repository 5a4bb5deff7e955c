"""The table of a comparison, and the metrics of a run, as files: CSV, Parquet, LaTeX."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.runs.tables import metric_rows
from webapp.comparison.columns import Value
from webapp.comparison.latex import latex
from webapp.comparison.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

CSV_TYPE = "text/csv"
PARQUET_TYPE = "application/vnd.apache.parquet"
LATEX_TYPE = "application/x-tex"

Columns = Mapping[str, Sequence[Value]]


@dataclass(frozen=True)
class Export:
    """A format of the table.

    Attributes:
        name: in addresses.
        title: for people.
        suffix: of files.
        media_type: of answers.
        write: from the table and the command that makes it again to the bytes.
    """

    name: str
    title: str
    suffix: str
    media_type: str
    write: Callable[[Table, str], bytes]


def columns_of(table: Table) -> dict[str, list[Value]]:
    """The values of the table by column, in plain SI units; the metric stands in a column of its own."""
    columns: dict[str, list[Value]] = {"metric": [table.measure.name for _ in table.rows]}
    return columns | {column.name: [row.values[column.name] for row in table.rows] for column in table.columns}


def to_csv(columns: Columns) -> bytes:
    """Columns as CSV; a missing value is an empty field, a number has all its digits."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue().encode()


def to_parquet(columns: Columns, metadata: Mapping[str, str] | None = None) -> bytes:
    """Columns as one Parquet file; texts are strings, whole numbers 64-bit integers, others 64-bit floats.

    Args:
        columns: equally long columns.
        metadata: words about the file, kept in its schema.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {name: pa.array(values, type=_type(values)) for name, values in columns.items()}
    made = pa.table(arrays).replace_schema_metadata(dict(metadata or {}))
    sink = io.BytesIO()
    pq.write_table(made, sink)
    return sink.getvalue()


def _type(values: Sequence[Value]) -> "pa.DataType":
    import pyarrow as pa

    known = [value for value in values if value is not None]
    if known and all(isinstance(value, str) for value in known):
        return pa.string()
    return pa.int64() if known and all(isinstance(value, int) for value in known) else pa.float64()


def _csv(table: Table, command: str) -> bytes:
    return to_csv(columns_of(table))


def _parquet(table: Table, command: str) -> bytes:
    return to_parquet(columns_of(table), {"edgeloom.baseline": table.baseline.ref, "edgeloom.reproduce": command})


def _latex(table: Table, command: str) -> bytes:
    return latex(table, command).encode()


EXPORTS: Mapping[str, Export] = {
    export.name: export
    for export in (
        Export("csv", "CSV", "csv", CSV_TYPE, _csv),
        Export("parquet", "Parquet", "parquet", PARQUET_TYPE, _parquet),
        Export("latex", "LaTeX", "tex", LATEX_TYPE, _latex),
    )
}


def metric_columns(events: Sequence[Mapping[str, Any]]) -> dict[str, list[Value]]:
    """The metrics of a run by column: ``seq``, ``sim_time_s``, ``round``, and each metric under its name.

    The same rows as ``metrics.csv`` of a run folder.

    Args:
        events: events of its log; those of other kinds are passed over.
    """
    rows = metric_rows(events)
    names = dict.fromkeys(["seq", "sim_time_s", "round", *(name for row in rows for name in row)])
    return {name: [row.get(name) for row in rows] for name in names}
