"""``network``: files of other programs become a spec's network, and the other way round."""

from pathlib import Path

import pytest

from engine.__main__ import main
from engine.specs.text import load

CSV = "source,target,rate_bps\nserver,gateway 1,100M\ngateway 1,a,250k\ngateway 1,b,250k\n"


def test_a_file_becomes_a_network_and_a_file_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.csv").write_text(CSV)
    assert main(["network", str(tmp_path / "net.csv"), "--group", "motes", "--out", str(tmp_path / "net.yaml")]) == 0
    tree = load((tmp_path / "net.yaml").read_bytes())
    assert [node.get("group") for node in tree["network"]["topology"]["nodes"]] == [None, None, "motes", "motes"]
    capsys.readouterr()
    assert main(["network", str(tmp_path / "net.yaml"), "--as", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("source,target,link,")
    assert "100 Mbit/s" in lines[1]


def test_any_network_of_a_spec_becomes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.yaml").write_text("{network: {topology: {kind: ring}}, fleet: {groups: [{name: a, count: 4}]}}")
    assert main(["network", str(tmp_path / "spec.yaml"), "--as", "graphml"]) == 0
    assert capsys.readouterr().out.count("<edge ") == 6  # three in the circle, two to the hub, one beyond


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source,target\na,b\n", "no node is the server"),
        ("source,target\nserver,a\nserver,a\n", "network.topology.edges.1: joins 'server' and 'a' as edge 0 does"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    (tmp_path / "net.csv").write_text(text)
    assert main(["network", str(tmp_path / "net.csv")]) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_part_and_no_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.yaml").write_text("{topology: {kind: moebius}}")
    assert main(["network", str(tmp_path / "spec.yaml")]) == 2
    assert "network.topology.kind" in capsys.readouterr().err
    assert main(["network", str(tmp_path / "nowhere.csv")]) == 2
