"""The doctor really tries, names the error, and never degrades silently."""

import pytest

from engine.emulation import doctor
from engine.emulation.doctor import FabricUnavailable, Probe, choose, examine, working
from engine.emulation.probe import PROBES


def found(*bad: str, error: str = "EPERM") -> tuple[Probe, ...]:
    """Probes of which some failed."""
    return tuple(
        Probe(name, name not in bad, error if name in bad else "", "unshare: Operation not permitted", 0.1)
        for name in doctor.TITLES
    )


def test_every_probe_is_told() -> None:
    assert [probe.name for probe in examine()] == list(PROBES) == list(doctor.TITLES)
    assert {name for needs in doctor.NEEDS.values() for name in needs} <= set(PROBES)


def test_what_fails_has_an_error_and_a_remedy() -> None:
    for probe in examine():
        assert probe.title
        assert bool(probe.message) != probe.ok
        assert bool(probe.remedy) != probe.ok


def test_an_unknown_probe_says_so() -> None:
    probe = doctor.probe("no_such_probe")
    assert not probe.ok
    assert "no_such_probe" in probe.message


@pytest.mark.parametrize(
    ("bad", "tiers"),
    [
        ((), ["tun", "userns", "loopback"]),
        (("tun",), ["userns", "loopback"]),
        (("user_namespace",), ["tun", "loopback"]),
        (("congestion_control",), ["loopback"]),
        (("sockets",), ["tun", "userns"]),
        (("real_time",), ["tun", "userns", "loopback"]),
    ],
)
def test_tiers_follow_from_probes(bad: tuple[str, ...], tiers: list[str]) -> None:
    assert working(found(*bad)) == tiers


def test_the_best_tier_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: found("tun"))
    assert choose() == "userns"
    assert choose("loopback") == "loopback"


def test_nothing_is_taken_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: found("tun", "network_namespace", "user_namespace"))
    with pytest.raises(FabricUnavailable) as refused:
        choose()
    assert "EPERM unshare: Operation not permitted" in str(refused.value)
    assert "seccomp" in refused.value.remedy
    assert "--fabric loopback" in refused.value.remedy
    with pytest.raises(FabricUnavailable, match="a TUN device"):
        choose("tun")
