"""CSV edge lists: one connection a line, what is said about its ends beside it.

Columns: ``source`` and ``target``; ``link`` and ``down_link`` or figures such as ``rate_bps`` and ``latency_s``; and
about the ends ``source_role``, ``source_group``, ``source_number``, ``source_x``, ``source_y`` and likewise for the
target, of which a node's first line is enough. A line ``# routes: latency`` says something about the whole.
"""

import csv
import io

from engine.core.errors import Problem, SpecError
from engine.network.exchange.rows import Row, Rows, as_text, refusal

ABOUT_NODES = ("role", "group", "number", "x", "y")
ENDS = ("source", "target")
NAMES = {"start": "source", "from": "source", "end": "target", "to": "target"}
"""Other names of columns."""


def read(data: bytes) -> Rows:
    """The rows of a list.

    Raises:
        SpecError: it is no CSV text with a line of column names, or lines have other numbers of cells.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal("no_text", f"is no UTF-8 text: byte {error.start} is none") from None
    rows, lines = Rows(), []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.startswith("#"):
            name, found, value = line[1:].partition(":")
            if found:
                rows.facts[name.strip()] = value.strip()
        elif line.strip():
            lines.append((number, line))
    if not lines:
        raise refusal("empty", "is empty; the first line names the columns, source and target among them")
    delimiter = max(",;\t", key=lines[0][1].count)
    _fill(rows, lines, delimiter)
    return rows


def _fill(rows: Rows, lines: list[tuple[int, str]], delimiter: str) -> None:
    try:
        header, *cells = csv.reader([line for _, line in lines], delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise refusal("no_csv", f"is no CSV: {error}") from None
    columns = [NAMES.get(name.strip().lower(), name.strip()) for name in header]
    missing = [name for name in ENDS if name not in columns]
    if missing or len(set(columns)) != len(columns):
        message = f"the first line names each column once, source and target among them; given: {', '.join(columns)}"
        raise refusal("wrong_columns", message)
    problems = []
    for (number, _), values in zip(lines[1:], cells, strict=False):
        row = {name: value.strip() for name, value in zip(columns, values, strict=False) if value.strip()}
        if len(values) != len(columns) or not all(end in row for end in ENDS):
            message = f"has {len(values)} cells; allowed are {len(columns)}, with a source and a target"
            problems.append(Problem(f"line {number}", "wrong_line", message))
            continue
        _take(rows, row)
    if problems:
        raise SpecError(problems)


def _take(rows: Rows, row: Row) -> None:
    names = row.pop("source"), row.pop("target")
    for end, name in zip(ENDS, names, strict=True):
        node = rows.node(name)
        for about in ABOUT_NODES:
            if f"{end}_{about}" in row:
                node.setdefault(about, row.pop(f"{end}_{about}"))
    rows.join(*names, row)


def write(rows: Rows) -> str:
    """The rows as a list; what is said about a node stands in its first line."""
    told: set[str] = set()
    lines: list[Row] = []
    for edge in rows.edges:
        line = dict(edge)
        for end in ENDS:
            if edge[end] not in told:
                told.add(edge[end])
                line |= {f"{end}_{about}": value for about, value in rows.nodes[edge[end]].items()}
        lines.append({name: as_text(value) for name, value in line.items()})
    columns = list(dict.fromkeys([*ENDS, *(name for line in lines for name in line)]))
    out = io.StringIO()
    out.writelines(f"# {name}: {value}\n" for name, value in rows.facts.items())
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()
