"""Runs whose rounds are carried out for real, and the comparison of both."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.__main__ import main
from engine.core.errors import EngineError, SpecError
from engine.core.nodes import SERVER
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.emulation import doctor
from engine.emulation.comparison import Measurement, compare
from engine.emulation.doctor import FabricUnavailable
from engine.emulation.fabric import FabricName
from engine.emulation.replay import first_rounds, obstacles
from engine.fleet.group import FleetSpec, GroupSpec
from engine.network.spec import NetworkSpec
from engine.runs.emulated import FILE, refuse_if_impossible
from engine.specs.text import digest, parse

SPEC = """
version: 1
name: for real
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 3}]}
network: {topology: {kind: star}, links: {default: eth1g}, backhaul: null}
execution: {backend: emulate, emulated_rounds: 2, fabric: FABRIC}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: iid}
  model: {kind: mlp, hidden: [4]}
  sampler: {kind: uniform, num_clients: 2}
  local: {epochs: 1, batch_size: 32, lr: 0.1}
  rounds: 3
"""


def rounds(count: int) -> Trace:
    builder = TraceBuilder()
    for number in range(count):
        builder.next_round(repeats=number + 1)
        down = builder.send(SERVER, np.array([0, 1]), 1000 + number, new_connection=True, phase="download")
        trained = builder.compute(np.array([0, 1]), Work(macs={"conv": 10}), 1, mode="train", after=down)
        builder.barrier(builder.send(np.array([0, 1]), SERVER, 500, new_connection=False, after=trained))
    return builder.build()


def test_first_rounds_are_cut_out_whole() -> None:
    trace = rounds(3)
    cut = first_rounds(trace, 2)
    assert cut.num_rounds == 2
    assert cut.repeats.tolist() == [1, 1]
    for name, column in cut.columns.items():
        assert np.array_equal(column, trace[name][: cut.num_items]), name
    assert np.array_equal(cut.members, trace.members[:4])


def test_rounds_without_messages_are_left_out() -> None:
    builder = TraceBuilder()
    builder.compute(0, Work(macs={"conv": 10}), 1, mode="infer")
    builder.append(rounds(1))
    assert first_rounds(builder.build(), 5)["size"].tolist() == rounds(1)["size"].tolist()


def test_obstacles() -> None:
    fleet = FleetSpec(groups=(GroupSpec(name="boards", count=200),))
    network = NetworkSpec(backhaul=None)
    world = fleet.resolve(), network.resolve(fleet)
    assert obstacles(rounds(1), *world) == []
    builder = TraceBuilder()
    builder.send(np.arange(200), SERVER, 100, new_connection=False)
    assert obstacles(builder.build(), *world) == [
        "201 nodes take part in these rounds, each a process; at most 128 can"
    ]
    builder = TraceBuilder()
    builder.send(0, SERVER, 10**11, new_connection=False)
    (reason,) = obstacles(builder.build(), *world)
    assert reason.startswith("these rounds take ")


def test_a_measurement_survives_its_file(tmp_path: Path) -> None:
    trace = rounds(2)
    times = np.linspace(0, 1, trace.num_items)
    measurement = Measurement(trace, times, times + 1, {"fabric": "tun", "invalid": []})
    (tmp_path / "m.safetensors").write_bytes(measurement.to_bytes())
    again = Measurement.load(tmp_path / "m.safetensors")
    assert np.array_equal(again.end_s, measurement.end_s)
    assert np.array_equal(again.trace["size"], trace["size"])
    assert again.facts == measurement.facts
    (tmp_path / "bad").write_bytes(b"no")
    with pytest.raises(EngineError, match="is no measured trace"):
        Measurement.load(tmp_path / "bad")


def test_comparison_by_phase() -> None:
    trace = rounds(1)
    # Items: two downloads, two computations, two uploads, a barrier.
    start, end = np.array([0, 0, 1, 1, 2, 2, 3.0]), np.array([1, 1, 2, 2, 3, 3, 3.0])
    real_end = np.array([1.25, 1.25, 2.25, 2.25, 4.25, 3.25, 4.25])
    real_start = np.array([0, 0, 1.25, 1.25, 2.25, 2.25, 4.25])
    rows = {row.phase: row for row in compare(Measurement(trace, real_start, real_end, {}), start, end)}
    assert (rows["download"].simulated_s, rows["download"].measured_s) == (1.0, 1.25)
    assert rows["download"].mape == pytest.approx(0.2)
    assert rows["compute"].mape == 0.0
    assert rows["upload"].mape == pytest.approx(0.25)
    assert rows["round"].measured_s == 4.25
    assert rows["round"].mape == pytest.approx(1 - 3 / 4.25)


def test_the_digest_tells_a_measured_run_from_a_simulated_one() -> None:
    simulated = parse(SPEC.replace("{backend: emulate, emulated_rounds: 2, fabric: FABRIC}", "{}"))
    assert digest(parse(SPEC.replace("FABRIC", "tun"))) != digest(simulated)
    assert digest(parse(SPEC.replace("FABRIC", "tun"))) != digest(parse(SPEC.replace("FABRIC", "auto")))


def test_what_no_host_can_carry_out_is_refused_with_the_spec() -> None:
    with pytest.raises(SpecError) as refused:
        parse(SPEC.replace("FABRIC", "auto").replace("kind: star", "kind: ring"))
    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == ("execution.backend", "cannot_be_emulated")


def test_a_host_that_does_not_allow_it_refuses_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tuple(doctor.Probe(name, False, "EPERM", "not permitted", 0.0) for name in doctor.TITLES)
    monkeypatch.setattr(doctor, "examine", lambda: bad)
    with pytest.raises(FabricUnavailable, match="EPERM not permitted"):
        refuse_if_impossible(parse(SPEC.replace("FABRIC", "auto")))
    refuse_if_impossible(parse(SPEC.replace("{backend: emulate, emulated_rounds: 2, fabric: FABRIC}", "{}")))


@pytest.mark.kill
def test_a_run_with_its_rounds_carried_out(
    fabric: FabricName, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("FABRIC", fabric))
    folder = tmp_path / "out"
    assert main(["run", str(tmp_path / "spec.yaml"), "--out", str(folder)]) == 0
    costs = json.loads((folder / "result.json").read_bytes())["costs"]
    assert costs["emulated_rounds"] == 2
    assert costs["emulated_round_s"] > 0
    assert "2 rounds carried out" in capsys.readouterr().out
    measurement = Measurement.load(folder / "artifacts" / FILE)
    assert measurement.facts["fabric"] == fabric
    assert np.isfinite(measurement.end_s).all()
    assert main(["emulate", "compare", str(folder), "--json", str(tmp_path / "compared.json")]) == 0
    phases = {row["phase"]: row for row in json.loads((tmp_path / "compared.json").read_bytes())["phases"]}
    assert set(phases) == {"download", "compute", "upload", "round"}
    assert phases["round"]["measured_s"] == pytest.approx(costs["emulated_round_s"])


@pytest.mark.kill
def test_a_run_that_was_only_simulated_is_carried_out_on_demand(
    real_fabric: FabricName, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("{backend: emulate, emulated_rounds: 2, fabric: FABRIC}", "{}"))
    folder = tmp_path / "out"
    assert main(["run", str(tmp_path / "spec.yaml"), "--out", str(folder)]) == 0
    assert not (folder / "artifacts" / FILE).exists()
    assert main(["emulate", "compare", str(folder), "--rounds", "1", "--fabric", real_fabric]) == 0
    assert f"{real_fabric}: 1 rounds carried out" in capsys.readouterr().out


def test_compare_wants_a_finished_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulate", "compare", str(tmp_path)]) == 2
    assert "holds no finished run" in capsys.readouterr().err
