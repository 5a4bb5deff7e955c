"""A synchronous round of a million devices: its time on one core and its memory, in a process of its own."""

import json
import subprocess
import sys

import pytest

ROUND = """
import json, resource, sys, time
import numpy as np
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec

spec = {"groups": [{"name": "a", "count": 500_000}, {"name": "b", "count": 500_000, "device": "phone_mid_sd765g"}]}
fleet = FleetSpec.model_validate(spec).resolve()
network = NetworkSpec.model_validate({"topology": json.loads(sys.argv[1])}).resolve(fleet)
everyone, samples = np.arange(1_000_000), np.random.Generator(np.random.PCG64(0)).integers(10, 1000, 1_000_000)
begun = time.process_time()
builder = TraceBuilder()
received = builder.send(-1, everyone, 400_000, new_connection=True, phase="download")
work = Work(macs={"conv": 1_000_000, "linear": 2_000_000}, parameter_count=100_000)
trained = builder.compute(everyone, work, samples, mode="train", num_steps=5, after=received)
builder.barrier(builder.send(everyone, -1, 400_000, new_connection=False, after=trained))
cost = CostModel(fleet, network).cost(builder.build())
seconds = time.process_time() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
totals = cost.ledger.totals()
print(json.dumps({"seconds": seconds, "peak_bytes": peak, "bytes_up": totals["bytes_up"], "time_s": totals["time_s"]}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("topology", [{"kind": "star"}, {"kind": "hierarchical", "gateways": 15_625}])
def test_a_million_devices_fit_into_seconds_and_a_gibibyte(topology: dict[str, object]) -> None:
    command = [sys.executable, "-c", ROUND, json.dumps(topology)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found["bytes_up"] == 4e11
    assert found["time_s"] > 0
    # Measured: 1.6 and 2.0 seconds of one core; the bound leaves room for slower and shared ones.
    assert found["seconds"] < 30
    assert found["peak_bytes"] < 2**30
