"""Networks as GraphML, CSV and JSON: there and back, files of other programs, and files that nobody should read."""

import io
import json
from typing import Any, get_args

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import SpecError
from engine.network.exchange.formats import Format, format_of
from engine.network.exchange.reading import Assumptions, read
from engine.network.exchange.writing import write
from engine.network.network import Network
from engine.network.spec import NetworkSpec
from engine.network.topologies.custom import Custom
from engine.network.topology import topologies
from tests.engine.network.test_custom import edge, link, spec_of
from tests.engine.network.test_network import Groups

FORMATS: tuple[Format, ...] = get_args(Format)
OTHERS = [kind for kind in topologies.members() if kind != "custom"]
NOTHING = Assumptions()
GRAPHML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="undirected">{}</graph></graphml>'


def again(text: str, written: Format) -> NetworkSpec:
    """The network that a file holds."""
    return NetworkSpec.model_validate_json(json.dumps(read(text.encode(), written, NOTHING)), strict=True)


def told(network: Network) -> set[tuple[Any, ...]]:
    """Who is connected to whom over which links, whatever the order."""
    return {(edge.lower, edge.upper, network.links[edge.link], network.links[edge.down]) for edge in network.edges()}


def problems(data: bytes, written: Format, assumed: Assumptions = NOTHING) -> dict[str, str]:
    """What is wrong with a file, by path."""
    with pytest.raises(SpecError) as caught:
        read(data, written, assumed)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("kind", OTHERS)
def test_any_network_comes_back(kind: str, written: Format) -> None:
    links = {"a": link('own, "quoted" & <odd>', rtt=0.012), "b": "ble5_2m"}
    spec = NetworkSpec.model_validate({"topology": {"kind": kind}, "links": links})
    fleet = Groups(a=5, b=4)
    found = again(write(spec, fleet, written), written)
    assert isinstance(found.topology, Custom)
    before, after = spec.resolve(fleet), found.resolve(fleet)
    assert {frozenset(row[:2]) for row in told(after)} == {frozenset(row[:2]) for row in told(before)}
    assert told(after) == told(before)


@pytest.mark.parametrize("written", FORMATS)
def test_a_drawing_comes_back_node_by_node(written: Format) -> None:
    nodes: list[dict[str, Any]] = [
        {"name": 'cloud; \u00e4, "1"', "role": "server", "x": 0.25, "y": 0.125},
        {"name": "gate", "role": "gateway", "x": 1.0, "y": 0.0},
        {"name": "one", "group": "a", "number": 1, "x": 0.1, "y": 0.9},
        {"name": "rest", "group": "a", "x": 0.3, "y": 0.7},
    ]
    edges = [edge("gate", 'cloud; \u00e4, "1"', "lte4g", "wan_fibre"), edge("one", "rest", link("own"))]
    spec = spec_of(nodes, [*edges, edge("rest", "gate")], routes="capacity")
    found = again(write(spec, Groups(a=6), written), written)
    assert isinstance(found.topology, Custom)
    assert isinstance(spec.topology, Custom)
    assert set(found.topology.nodes) == set(spec.topology.nodes)
    assert found.topology.routes == "capacity"
    assert told(found.resolve(Groups(a=6))) == told(spec.resolve(Groups(a=6)))
    assert write(found, Groups(a=6), written) == write(spec, Groups(a=6), written)


def test_networkx_reads_what_we_write() -> None:
    spec = NetworkSpec.model_validate({"topology": {"kind": "small_world"}})
    text = write(spec, Groups(a=12), "graphml")
    graph = nx.read_graphml(io.BytesIO(text.encode()))
    assert (len(graph), graph.number_of_edges()) == (14, len(spec.resolve(Groups(a=12)).edges()))
    assert graph.nodes["device:3"] == {"role": "devices", "group": "a", "number": 3}
    assert (
        nx.node_link_graph(json.loads(write(spec, Groups(a=12), "json")), edges="edges").adj.keys() == graph.adj.keys()
    )


def test_we_read_what_networkx_writes() -> None:
    graph = nx.grid_2d_graph(3, 3)
    graph = nx.relabel_nodes(graph, {(x, y): f"n{3 * y + x}" for x, y in graph})
    nx.set_node_attributes(graph, {name: {"x": 10.0 * k, "y": -5.0 * k} for k, name in enumerate(graph)})
    nx.set_edge_attributes(graph, 2e6, "bandwidth")
    out = io.BytesIO()
    nx.write_graphml(graph, out)
    body = read(out.getvalue(), "graphml", Assumptions(server="n4", group="motes"))
    topology = NetworkSpec.model_validate(body).topology
    assert isinstance(topology, Custom)
    assert [node.role for node in topology.nodes].count("devices") == 8
    assert sorted(node.number for node in topology.nodes if node.number is not None) == list(range(8))
    assert {node.x for node in topology.nodes} == {0.125 * k for k in range(9)}
    assert {edge.link.up_rate.value for edge in topology.edges if edge.link and not isinstance(edge.link, str)} == {2e6}
    assert NetworkSpec.model_validate(body).resolve(Groups(motes=8)).relays is not None


def test_a_backbone_as_the_topology_zoo_writes_it() -> None:
    """Places by longitude and latitude, north up; rates as LinkSpeedRaw; keys with defaults."""
    text = """<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
      <key attr.name="Latitude" attr.type="double" for="node" id="d1"/>
      <key attr.name="Longitude" attr.type="double" for="node" id="d2"/>
      <key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="d3"><default>1e9</default></key>
      <graph edgedefault="undirected">
        <node id="server"><data key="d1">48</data><data key="d2">16</data></node>
        <node id="gateway 1"><data key="d1">52</data><data key="d2">13</data></node>
        <node id="x"><data key="d1">50</data><data key="d2">14.5</data></node>
        <edge source="server" target="gateway 1"><data key="d3">1.0E8</data></edge>
        <edge source="x" target="gateway 1"/>
      </graph></graphml>"""
    found = again(text, "graphml").topology
    assert isinstance(found, Custom)
    assert [(node.role, node.x, node.y) for node in found.nodes] == [
        ("server", 1.0, 1.0),
        ("gateway", 0.0, 0.0),
        ("devices", 0.5, 0.5),
    ]
    rates = [
        edge.link.up_rate.value for edge in found.edges if edge.link is not None and not isinstance(edge.link, str)
    ]
    assert rates == [1e8, 1e9]


def test_a_plain_edge_list() -> None:
    text = "from;to;up_rate_bps;down_rate_bps;latency_s\r\n\r\nserver;hub;10M;50M;0.004\r\nhub;a1;250k;;0.01\r\n"
    found = again(text, "csv").topology
    assert isinstance(found, Custom)
    first, second = (edge.link for edge in found.edges)
    assert first is not None
    assert second is not None
    assert not isinstance(first, str)
    assert not isinstance(second, str)
    assert (first.name, first.rtt.value) == ("10 Mbit/s up, 50 Mbit/s down, 8 ms", 0.008)
    assert (second.up_rate.value, second.down_rate.value) == (250e3, 250e3)


def test_both_directions_of_a_directed_file_are_one_connection() -> None:
    tree = {"directed": True, "nodes": ["server", "a"], "links": [{"source": "server", "target": "a"}]}
    tree["links"].append({"source": "a", "target": "server"})  # type: ignore[attr-defined]
    found = again(json.dumps(tree), "json").topology
    assert isinstance(found, Custom)
    assert len(found.edges) == 1


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><graphml>&b;</graphml>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><graphml>&f;</graphml>',
        '<!DOCTYPE graphml SYSTEM "http://127.0.0.1:9/x.dtd"><graphml/>',
    ],
)
def test_entities_are_refused_before_they_grow(text: str) -> None:
    assert "entities" in problems(text.encode(), "graphml")[""]


@pytest.mark.parametrize(
    ("data", "written", "said"),
    [
        (b"", "graphml", "is no XML: no element found in line 1"),
        (b"<html/>", "graphml", "holds no <graph>"),
        (GRAPHML.format("<node id='a'><graph/></node>").encode(), "graphml", "one inside another"),
        (GRAPHML.format("<hyperedge/>").encode(), "graphml", "<hyperedge>"),
        (GRAPHML.format("").encode(), "graphml", "holds no nodes"),
        (b"<" * 2_000_000, "graphml", "at most 1,048,576 bytes"),
        (b"", "csv", "is empty"),
        (b"\xff\xfe", "csv", "byte 0 is none"),
        (b"a,b\n1,2\n", "csv", "source and target among them; given: a, b"),
        (b'source,target\n"a,b\n', "csv", "is no CSV"),
        (b"[1]", "json", "mapping with a list of nodes"),
        (b'{"nodes": [', "json", "is no JSON"),
        (b"[" * 900_000, "json", "is no JSON"),
        (b'{"nodes": [1, 2], "edges": "x"}', "json", "mapping with a list of nodes"),
    ],
)
def test_bad_files_are_refused_with_the_reason(data: bytes, written: Format, said: str) -> None:
    assert said in problems(data, written)[""]


def test_all_that_is_wrong_in_a_file_is_said_at_once() -> None:
    tree = {
        "routes": "fastest",
        "nodes": [{"id": "a", "number": -1}, {"id": "b", "number": "x"}],
        "edges": [{"source": "a", "target": "b", "link": "wifi99"}, {"source": "b", "target": "a", "rate_bps": "fast"}],
    }
    found = problems(json.dumps(tree).encode(), "json", Assumptions(server="nowhere"))
    assert found == {
        "server": "is no node of the file; given: 'nowhere'",
        "nodes.0.number": "should be a whole number from 0; given: '-1'",
        "nodes.1.number": "should be a whole number from 0; given: 'x'",
        "edges.0.link": "should be the id of a link in the catalogue, or a link as a mapping; given: 'wifi99'",
        "edges.1.rate_bps": "should be a number of at least 0.001; given: 'fast'",
        "routes": "should be one of hops, latency, capacity; given: 'fastest'",
    }
    broken = b"source,target\na\nb,c,d\nserver,a\n"
    assert set(problems(broken, "csv")) == {"line 2", "line 3"}


def test_a_network_too_large_for_a_file_is_refused() -> None:
    with pytest.raises(SpecError, match=r"has 6,002 nodes, files hold up to 5,000"):
        write(NetworkSpec(), Groups(a=6000), "csv")


def test_the_format_is_told_by_name_or_content() -> None:
    assert format_of("NET.GraphML", b"") == "graphml"
    assert format_of("x.txt", b"\xef\xbb\xbf <?xml") == "graphml"
    assert format_of("x", b' {"nodes"') == "json"
    assert format_of("x", b"source,target") == "csv"


@settings(max_examples=150, deadline=None)
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)), written=st.sampled_from(FORMATS))
def test_whatever_a_file_holds_it_is_read_or_refused(data: bytes, written: Format) -> None:
    try:
        body = read(data, written, Assumptions(server="a"))
    except SpecError:
        return
    assert body["topology"]["kind"] == "custom"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "link", "x", "y"]), inner),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(nodes=st.lists(JSON, max_size=4), edges=st.lists(JSON, max_size=4))
def test_whatever_a_json_file_holds_it_is_read_or_refused(nodes: Any, edges: Any) -> None:
    try:
        read(json.dumps({"nodes": nodes, "edges": edges}).encode(), "json", Assumptions(server="a"))
    except SpecError:
        return
