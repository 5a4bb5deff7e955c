"""Small fleets and networks with round numbers, so that costs can be worked out by hand."""

from typing import Any

import numpy as np

from engine.costs.model import Cost, CostModel
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec

DEVICE: dict[str, Any] = {
    "name": "round",
    "conv_rate": 1e9,
    "depthwise_rate": 2e8,
    "linear_rate": 5e8,
    "recurrent_rate": 4e8,
    "other_rate": 1e8,
    "ram_bytes": 1e6,
    "active_power_w": 5.0,
    "idle_power_w": 1.0,
}
"""A device whose rates are powers of ten, nearly."""

FRAMES: dict[str, Any] = {
    "name": "frames",
    "transport": "datagram",
    "up_rate": 8000.0,
    "down_rate": 16000.0,
    "rtt": 0.2,
    "frame_payload": 100.0,
    "frame_header": 25.0,
}
"""1,000 bytes of payload a second up, twice that down; 100 ms one way; frames of 100 bytes with 25 bytes of header."""

STREAM: dict[str, Any] = {
    "name": "stream",
    "transport": "tcp",
    "up_rate": 1e6,
    "down_rate": 1e6,
    "rtt": 0.1,
    "frame_payload": 1012.0,
    "frame_header": 40.0,
}
"""TCP with segments of 1,000 bytes of payload and 52 of header (timestamps taken from the payload), 50 ms one way."""

HOST_S = 0.3e-3
"""Host overhead per message."""

WORK = Work(macs={"conv": 1_000_000, "linear": 2_000_000}, parameter_count=1_000_000)
"""On ``DEVICE`` one sample takes 1 ms + 4 ms forward, one optimizer step 10 ms."""


def fleet_of(count: int = 1, **changes: Any) -> FleetSpec:
    """One group named a of equal devices."""
    return FleetSpec.model_validate({"groups": [{"name": "a", "device": DEVICE | changes, "count": count}]})


def network_of(link: dict[str, Any], **spec: Any) -> NetworkSpec:
    """A network in which all groups use this link; a star with the server at the hub unless said otherwise."""
    return NetworkSpec.model_validate({"links": {"default": link}, "backhaul": None} | spec)


def model_of(link: dict[str, Any], count: int = 1, device: dict[str, Any] | None = None, **spec: Any) -> CostModel:
    """The cost model of equal devices on equal links."""
    fleet = fleet_of(count, **(device or {})).resolve()
    return CostModel(fleet, network_of(link, **spec).resolve(fleet))


def upload(model: CostModel, payload: int, *, new_connection: bool = False, devices: int = 1) -> Cost:
    """What it costs when devices 0 to n - 1 send one message each to the server."""
    builder = TraceBuilder()
    builder.send(np.arange(devices), -1, payload, new_connection=new_connection)
    return model.cost(builder.build())


def download(model: CostModel, payload: int, *, devices: int = 1) -> Cost:
    """What it costs when the server sends one message to each of devices 0 to n - 1."""
    builder = TraceBuilder()
    builder.send(-1, np.arange(devices), payload, new_connection=False, phase="download")
    return model.cost(builder.build())


def round_trace(devices: Any, *, samples: Any = 10, payload: int = 1000, rounds: int = 1) -> Trace:
    """Synchronous rounds: download, train, upload, wait for all."""
    builder = TraceBuilder()
    for _ in range(rounds):
        builder.next_round()
        received = builder.send(-1, devices, payload, new_connection=True, phase="download")
        trained = builder.compute(devices, WORK, samples, mode="train", after=received)
        sent = builder.send(devices, -1, payload, new_connection=False, after=trained, phase="upload")
        builder.barrier(sent)
    return builder.build()


def phase_of(cost: Cost, phase: str, quantity: str) -> float:
    """A quantity of the ledger summed over devices, for one phase."""
    return float(cost.ledger.values[quantity][:, cost.ledger.phases.index(phase)].sum())
