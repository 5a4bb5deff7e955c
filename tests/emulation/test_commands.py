"""``emulate doctor`` and ``emulate ping``."""

import json
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.emulation import doctor
from engine.emulation.fabric import FabricName


@pytest.mark.slow
def test_doctor(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["emulate", "doctor"]) == 0
    told = capsys.readouterr().out
    assert all(probe.title in told for probe in doctor.examine())
    assert main(["emulate", "doctor", "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_bytes())
    assert [probe["name"] for probe in found["probes"]] == list(doctor.TITLES)
    assert found["fabrics"]["loopback"]["needs"] == ["sockets"]


def test_doctor_names_error_and_remedy(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    probes = tuple(
        doctor.Probe(name, name != "tun", "" if name != "tun" else "ENOENT", "" if name != "tun" else "no file", 0.01)
        for name in doctor.TITLES
    )
    monkeypatch.setattr("engine.commands.emulate.examine", lambda: probes)
    assert main(["emulate", "doctor"]) == 0
    told = capsys.readouterr().out
    assert "ENOENT no file" in told
    assert "--device /dev/net/tun" in told
    assert "tun: not here, it needs a TUN device in it" in told


@pytest.mark.slow
def test_ping(fabric: FabricName, tmp_path: Path) -> None:
    assert main(["emulate", "ping", "--fabric", fabric, "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_bytes())
    assert found["fabric"] == fabric
    assert found["ideal_s"] == pytest.approx(2 * (0.005 + 8 * 68 / 20e6))
    assert found["ideal_s"] < found["median_s"]
    assert found["overhead_s"] == pytest.approx((found["median_s"] - found["ideal_s"]) / 2)


def test_a_tier_that_does_not_work_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tuple(doctor.Probe(name, False, "EPERM", "unshare: not permitted", 0.0) for name in doctor.TITLES)
    monkeypatch.setattr(doctor, "examine", lambda: bad)
    assert main(["emulate", "ping", "--fabric", "tun"]) == 1
    assert "EPERM unshare: not permitted" in capsys.readouterr().err
