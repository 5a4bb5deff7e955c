"""The file formats, and which one a file has."""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from engine.network.exchange import edge_list, graphml, plain
from engine.network.exchange.rows import Rows

Format = Literal["graphml", "csv", "json"]
"""How a network is written."""

MEDIA_TYPES: Mapping[Format, str] = {
    "graphml": "application/graphml+xml",
    "csv": "text/csv",
    "json": "application/json",
}

READERS: Mapping[Format, Callable[[bytes], Rows]] = {
    "graphml": graphml.read,
    "csv": edge_list.read,
    "json": plain.read,
}
"""What reads a file of each format; raises SpecError."""

WRITERS: Mapping[Format, Callable[[Rows], str]] = {
    "graphml": graphml.write,
    "csv": edge_list.write,
    "json": plain.write,
}
"""What writes one."""


def format_of(name: str, data: bytes) -> Format:
    """The format of a file, by the end of its name, else by how it begins."""
    ending = name.rpartition(".")[2].lower()
    for known in get_args(Format):
        if ending == known:
            return known  # type: ignore[no-any-return]
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return "graphml" if start == b"<" else "json" if start in (b"{", b"[") else "csv"
