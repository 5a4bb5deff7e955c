"""Ping: how much this host itself adds to a message, and how exactly it keeps the time of a link."""

from dataclasses import dataclass

import numpy as np

from engine.emulation.experiment import Bench, Order
from engine.emulation.fabric import FabricName
from engine.emulation.scenarios import Line
from engine.emulation.workloads.split import Split

LINE = Line("ping", "ping", rate_bps=20e6, delay_s=0.005, mtu=1500, held_out=False)
"""5 ms there and 5 ms back."""

ROUND_TRIPS = 100
SIZE = 16
HEADER_BYTES = 52


@dataclass(frozen=True)
class Ping:
    """Round trips of a message of 16 bytes.

    Attributes:
        ideal_s: what the link alone takes.
        median_s: measured.
        p95_s: measured.
        most_s: measured.
        overhead_s: what the host adds to each message: half of the median's excess.
        late_p99_s: how late the latest hundredth of the packets was.
        late_max_s: how late the latest packet was.
        bring_up_s: until all processes were there.
    """

    ideal_s: float
    median_s: float
    p95_s: float
    most_s: float
    overhead_s: float
    late_p99_s: float
    late_max_s: float
    bring_up_s: float


def ping(fabric: FabricName) -> Ping:
    """Send a small message there and back, again and again.

    Raises:
        LaboratoryError: it cannot be done here.
    """
    workload = Split(size=SIZE, reply=SIZE, compute_s=0.0)
    order = Order(workload.fleet(), workload.network(LINE.link(0.0, "tcp")), fabric, computation="nothing")
    trace = workload.rounds(1)
    emulated = Bench(order, trace).measure([0] * ROUND_TRIPS, 60.0)
    _, there, back = range(trace.num_items)
    found = np.array([one.end_s[back] - one.start_s[there] for one in emulated.times])
    ideal_s = 2 * (LINE.delay_s + 8 * (SIZE + HEADER_BYTES) / LINE.rate_bps)
    median_s = float(np.median(found))
    return Ping(
        ideal_s=ideal_s,
        median_s=median_s,
        p95_s=float(np.quantile(found, 0.95)),
        most_s=float(found.max()),
        overhead_s=(median_s - ideal_s) / 2,
        late_p99_s=emulated.watched.late_p99_s,
        late_max_s=emulated.watched.late_max_s,
        bring_up_s=float(emulated.facts["bring_up_s"]),
    )
