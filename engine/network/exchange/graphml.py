"""GraphML: nodes and edges with typed attributes, as yEd, Gephi, networkx and the Internet Topology Zoo write it.

Source: Brandes et al., GraphML Progress Report, Graph Drawing 2001, LNCS 2265; http://graphml.graphdrawing.org
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from xml.parsers import expat

from engine.network.exchange.rows import Row, Rows, as_text, refusal

NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
FOREIGN = frozenset({"hyperedge", "port"})
"""Elements that say something which a network here cannot hold."""


def read(data: bytes) -> Rows:
    """The rows of a document.

    Raises:
        SpecError: it is no GraphML, declares entities, or holds nested graphs.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    # Entities are how a small file becomes a large one or reaches for others; GraphML needs none.
    parser.StartDoctypeDeclHandler = _refuse_type
    parser.EntityDeclHandler = _refuse_type
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise refusal("no_xml", f"is no XML: {expat.ErrorString(error.code)} in line {error.lineno}") from None
    if not reader.has_graph:
        raise refusal("no_graph", "holds no <graph>, as GraphML does")
    return reader.rows


def write(rows: Rows) -> str:
    """The rows as a document; attributes are declared as they occur."""
    root = Element("graphml", {"xmlns": NAMESPACE})
    graph = Element("graph", {"id": "network", "edgedefault": "undirected"})
    named: dict[tuple[str, str], str] = {}
    _fill(graph, rows.facts.items(), "graph", named)
    for name, row in rows.nodes.items():
        _fill(SubElement(graph, "node", {"id": name}), row.items(), "node", named)
    for row in rows.edges:
        inner = {key: value for key, value in row.items() if key not in {"source", "target"}}
        edge = SubElement(graph, "edge", {"source": row["source"], "target": row["target"]})
        _fill(edge, inner.items(), "edge", named)
    for (owner, name), key in named.items():
        kind = {"number": "int", "x": "double", "y": "double"}.get(name, "string")
        SubElement(root, "key", {"id": key, "for": owner, "attr.name": name, "attr.type": kind})
    root.append(graph)
    indent(root)
    text: str = tostring(root, encoding="unicode", xml_declaration=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _fill(element: Element, items: Iterable[tuple[str, object]], owner: str, named: dict[tuple[str, str], str]) -> None:
    for name, value in items:
        key = named.setdefault((owner, name), f"d{len(named)}")
        SubElement(element, "data", {"key": key}).text = as_text(value)


def _refuse_type(*_: object) -> None:
    raise refusal("entities", "declares a document type or entities, which are not read; take them out")


class _Reader:
    """Follows the elements of a document."""

    def __init__(self) -> None:
        self.rows, self.has_graph = Rows(), False
        self.names: dict[str, str] = {}
        self.defaults: dict[str, Row] = {"node": {}, "edge": {}, "graph": {}}
        self.open: list[str] = []
        self.owner = ""
        self.row: Row = {}
        self.ends = ("", "")
        self.key, self.value = "", ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        self.open.append(name)
        if name == "key":
            self.key, self.value = attributes.get("id", ""), ""
            self.names[self.key] = attributes.get("attr.name", self.key)
            self.owner = attributes.get("for", "all")
        elif name == "graph":
            if self.has_graph:
                raise refusal("nested_graphs", "holds several graphs or one inside another; allowed is one")
            self.has_graph, self.owner, self.row = True, "graph", {}
            self.rows.is_directed = attributes.get("edgedefault") == "directed"
        elif name == "node":
            self.owner, self.row = "node", self.rows.node(attributes.get("id", ""))
        elif name == "edge":
            self.owner, self.row = "edge", {}
            self.ends = attributes.get("source", ""), attributes.get("target", "")
        elif name in FOREIGN:
            raise refusal("foreign_element", f"holds a <{name}>; allowed are nodes and edges between two of them")
        elif name in {"data", "default"}:
            self.key, self.value = attributes.get("key", self.key), ""

    def text(self, text: str) -> None:
        # Programs put drawings of their own into <data>; only plain text in it is an attribute.
        if self.open and self.open[-1] in {"data", "default"}:
            self.value += text

    def end(self, tag: str) -> None:
        name = self.open.pop()
        if name == "default" and self.open and self.open[-1] == "key":
            owners = list(self.defaults) if self.owner == "all" else [self.owner]
            for owner in owners:
                self.defaults.setdefault(owner, {})[self.names[self.key]] = self.value.strip()
        elif name == "data" and self.value.strip():
            attribute = self.names.get(self.key, self.key)
            if self.open and self.open[-1] == "graph":
                self.rows.facts[attribute] = self.value.strip()
            elif self.open and self.open[-1] in {"node", "edge"}:
                self.row[attribute] = self.value.strip()
        elif name == "node":
            for attribute, value in self.defaults["node"].items():
                self.row.setdefault(attribute, value)
        elif name == "edge":
            self.rows.join(*self.ends, self.defaults["edge"] | self.row)
