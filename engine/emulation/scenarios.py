"""The scenarios of the validation, read from the committed list that was fixed before anything was measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from engine.costs.way import Way
from engine.emulation.transports import coap
from engine.emulation.wiring import TCP_HEADER_BYTES
from engine.emulation.workload import Workload, workloads
from engine.network.link import Link

FILE = Path(__file__).with_name("scenarios.json")

QUICK_SAMPLES = 20
"""Samples of each scenario in the short validation, which shows that everything works and claims no precision."""

LOSS_CLASSES: Mapping[str, tuple[float, float]] = {"none": (0.0, 0.0), "low": (1e-9, 0.02), "high": (0.02 + 1e-9, 1.0)}
"""Classes of loss per packet and direction: none, up to 2 %, above."""


@dataclass(frozen=True)
class Line:
    """A link as the emulator sees it.

    Attributes:
        name: of the link.
        title: what people call it.
        rate_bps: bits per second on air.
        delay_s: one way.
        mtu: most bytes of an IP packet.
        held_out: whether it was never used while the model was made.
        jitter_s: most by which a packet comes sooner or later.
        fragment_payload: bytes of a frame where packets are cut; 0 if they are not.
        fragment_header: header of such a frame.
    """

    name: str
    title: str
    rate_bps: float
    delay_s: float
    mtu: int
    held_out: bool
    jitter_s: float = 0.0
    fragment_payload: int = 0
    fragment_header: int = 0

    def link(self, loss: float, transport: Literal["tcp", "coap"]) -> Link:
        """The same as the simulator sees it: it counts payload, in full frames."""
        plain = 40
        frame = self.mtu - plain if transport == "tcp" else max(n for n in coap.BLOCK_SIZES if n <= self.mtu - plain)
        told: dict[str, Any] = {
            "name": self.title,
            "transport": transport,
            "up_rate": self.rate_bps,
            "down_rate": self.rate_bps,
            "rtt": 2 * self.delay_s,
            "loss": loss,
            "jitter": self.jitter_s,
            "frame_payload": frame,
            "frame_header": plain,
            "fragment_payload": self.fragment_payload,
            "fragment_header": self.fragment_header,
        }
        way = Way.of(Link(**told), up=True)
        rate = self.rate_bps * way.payload_bytes / way.packet_bytes(way.payload_bytes)
        assert transport == "coap" or way.header_bytes == TCP_HEADER_BYTES
        return Link(**told | {"up_rate": rate, "down_rate": rate})


@dataclass(frozen=True)
class Scenario:
    """One line of the validation.

    Attributes:
        id: tells it from others.
        line: its link.
        workload: what the nodes do.
        loss: probability that a packet is lost, in each direction.
        samples: how many are measured at least.
        transport: what messages travel by.
        unstable: whether it is listed only.
        quick: whether it belongs to the short validation.
    """

    id: str
    line: Line
    workload: Workload
    loss: float
    samples: int
    transport: Literal["tcp", "coap"] = "tcp"
    unstable: bool = False
    quick: bool = False

    @property
    def link(self) -> Link:
        """Its link as the simulator sees it."""
        return self.line.link(self.loss, self.transport)

    @property
    def loss_class(self) -> str:
        """Name of its class of loss."""
        return next(name for name, (low, high) in LOSS_CLASSES.items() if low <= self.loss <= high)

    @property
    def rounds(self) -> int:
        """Rounds that give as many samples."""
        each = getattr(self.workload, "readings", 1) * (self.workload.devices if self.workload.kind == "stream" else 1)
        return -(-self.samples // each)

    def shortened(self) -> "Scenario":
        """The same with few samples."""
        return replace(self, samples=min(self.samples, QUICK_SAMPLES))


@cache
def scenarios() -> tuple[Scenario, ...]:
    """All of them, in the order of the list."""
    tree = json.loads(FILE.read_bytes())
    lines = {name: Line(name, **told) for name, told in tree["links"].items()}
    return tuple(_scenario(lines, told) for told in tree["scenarios"])


def chosen(*, quick: bool) -> tuple[Scenario, ...]:
    """The scenarios of the full or the short validation."""
    return tuple(one.shortened() for one in scenarios() if one.quick) if quick else scenarios()


def _scenario(lines: Mapping[str, Line], told: Mapping[str, Any]) -> Scenario:
    workload = dict(told["workload"])
    rest = {name: value for name, value in told.items() if name not in ("link", "workload")}
    return Scenario(line=lines[told["link"]], workload=workloads[workload["kind"]](**workload), **rest)
