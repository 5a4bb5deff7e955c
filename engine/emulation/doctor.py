"""What this host allows: every probe really done once, and the tier that follows."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from engine.core.errors import EngineError
from engine.emulation.fabric import FABRICS, Choice, FabricName
from engine.emulation.laboratory import ROOT

PATIENCE_S = 20.0
"""The longest that a probe may take, on a busy host."""

TITLES: Mapping[str, tuple[str, str]] = {
    "network_namespace": (
        "a network namespace of one's own",
        "start as root, or in a container with --cap-add SYS_ADMIN --cap-add NET_ADMIN",
    ),
    "tun": (
        "a TUN device in it",
        "load the module tun and give access: a container needs --device /dev/net/tun and --cap-add NET_ADMIN",
    ),
    "user_namespace": (
        "a user namespace without root",
        (
            "allow it: sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0, on Ubuntu from "
            "23.10 kernel.apparmor_restrict_unprivileged_userns=0; in Docker --security-opt seccomp=unconfined"
        ),
    ),
    "virtual_ethernet": ("virtual Ethernet and its frames", "load the module veth"),
    "congestion_control": (
        "the congestion control of a socket",
        "sysctl net.ipv4.tcp_allowed_congestion_control='reno cubic'",
    ),
    "real_time": (
        "being scheduled first",
        "start as root or raise RLIMIT_RTPRIO; without it a busy host makes packets late, and the measurement says so",
    ),
    "sockets": ("two processes joined by a socket", "allow more processes and descriptors: ulimit -u, ulimit -n"),
}
"""What each probe tries, and what helps when it fails."""

NEEDS: Mapping[FabricName, tuple[str, ...]] = {
    "tun": ("network_namespace", "tun", "congestion_control"),
    "userns": ("user_namespace", "virtual_ethernet", "congestion_control"),
    "loopback": ("sockets",),
}
"""Which probes a tier needs."""


class FabricUnavailable(EngineError):
    """This host does not allow the emulation that was asked for."""

    code = "emulation_unavailable"


@dataclass(frozen=True)
class Probe:
    """How a probe went.

    Attributes:
        name: of the probe.
        ok: whether it worked.
        error: name of the error number, ``EPERM``; empty if it worked.
        message: what the system said.
        seconds: how long it took.
    """

    name: str
    ok: bool
    error: str
    message: str
    seconds: float

    @property
    def title(self) -> str:
        """What was tried."""
        return TITLES[self.name][0]

    @property
    def remedy(self) -> str:
        """What helps; empty if it worked."""
        return "" if self.ok else TITLES[self.name][1]


def probe(name: str) -> Probe:
    """Carry out one probe in a child."""
    command = [sys.executable, "-m", "engine.emulation.probe", name]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Probe(name, False, "ETIMEDOUT", f"no answer within {PATIENCE_S:.0f} s", PATIENCE_S)
    seconds = time.monotonic() - began
    if not done.stdout:
        return Probe(name, False, "", done.stderr.strip()[-300:] or f"ended with status {done.returncode}", seconds)
    told = json.loads(done.stdout)
    return Probe(name, told["ok"], errno.errorcode.get(told["errno"], ""), told["message"], seconds)


@cache
def examine() -> tuple[Probe, ...]:
    """All probes, done once per process."""
    return tuple(map(probe, TITLES))


def working(probes: Sequence[Probe]) -> list[FabricName]:
    """The tiers that work, the best first."""
    good = {found.name for found in probes if found.ok}
    return [name for name in FABRICS if good.issuperset(NEEDS[name])]


def why_not(fabric: FabricName, probes: Sequence[Probe]) -> list[Probe]:
    """The probes that a tier needs and that failed."""
    return [found for found in probes if found.name in NEEDS[fabric] and not found.ok]


def choose(wanted: Choice = "auto") -> FabricName:
    """The tier to use.

    ``auto`` never takes the loopback tier, which has no TCP: that must be asked for.

    Raises:
        FabricUnavailable: it does not work here; the message and remedy are the doctor's.
    """
    probes = examine()
    good = working(probes)
    if wanted != "auto" and wanted in good:
        return wanted
    real = [name for name in good if name != "loopback"]
    if wanted == "auto" and real:
        return real[0]
    asked: list[FabricName] = [name for name in FABRICS if name != "loopback"] if wanted == "auto" else [wanted]
    failed = list({found.name: found for name in asked for found in why_not(name, probes)}.values())
    reasons = "; ".join(f"{found.title}: {found.error} {found.message}".strip() for found in failed)
    remedies = " or ".join(found.remedy for found in failed)
    also = ", or take --fabric loopback, which has no TCP" if "loopback" in good else ""
    raise FabricUnavailable(f"real execution is not possible here ({reasons})", remedy=f"{remedies}{also}")
