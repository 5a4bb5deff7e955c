"""Streams of requests: queueing theory, the cost model for one request, and speed."""

import time

import numpy as np
import pytest
from scipy import stats

from engine.core.streams import stream
from engine.costs.model import CostModel
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.fleet.group import FleetSpec, GroupSpec
from engine.inference.requests.arrivals import RequestSettings
from engine.inference.requests.queueing import _in_columns, _in_time, simulate
from engine.inference.requests.route import NOTHING, Operation, Route
from engine.network.spec import NetworkSpec
from engine.network.topologies.star import Star

WORK = Work(macs={"conv": 2_000_000}, parameter_bytes=4000, working_set_bytes=4000)


def chain(*seconds: float) -> Route:
    """Operations one after the other, each on a resource of its own."""
    operations = [Operation(i, service_s=s, causes=(i - 1,) if i else ()) for i, s in enumerate(seconds)]
    return Route(tuple(operations), tuple(f"device {i}" for i in range(len(seconds))))


def poisson(count: int, rate: float, seed: int = 0) -> np.ndarray:
    settings = RequestSettings(count=count, arrivals="poisson", rate_rps=rate)
    return settings.moments(stream(seed, "requests"))


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
def test_one_server_waits_as_pollaczek_and_khinchine_say(load: float) -> None:
    # M/D/1: mean wait = load * s / (2 (1 - load)); 30 independent streams give a confidence interval.
    service = 0.01
    means = [
        float(simulate(chain(service), poisson(20_000, load / service, seed)).latency_s.mean()) - service
        for seed in range(30)
    ]
    expected = load * service / (2 * (1 - load))
    # Streams begin empty, which takes a little off the mean.
    assert stats.ttest_1samp(means, expected).pvalue > 0.001
    assert np.mean(means) == pytest.approx(expected, rel=0.03)


def test_the_share_that_waits_and_the_percentiles_are_those_of_m_d_1() -> None:
    # P(wait <= t) for t <= s is (1 - load) exp(load t / s): Erlang's formula for M/D/1.
    load, service = 0.6, 1.0
    wait = simulate(chain(service), poisson(200_000, load / service)).latency_s - service
    for moment in (0.0, 0.25, 0.5, 0.75, 0.999):
        expected = (1 - load) * np.exp(load * moment / service)
        assert float((wait <= moment + 1e-9).mean()) == pytest.approx(expected, abs=0.01)
    median = np.log(0.5 / (1 - load)) / load
    assert simulate(chain(service), poisson(200_000, load)).percentile(50) == pytest.approx(service + median, rel=0.03)


def test_evenly_spaced_requests_wait_only_if_they_come_too_fast() -> None:
    slow = simulate(chain(0.1, 0.2), np.arange(50) / 4.0)
    assert slow.latency_s == pytest.approx(np.full(50, 0.3))
    fast = simulate(chain(0.1, 0.2), np.arange(50) / 10.0)
    # The second device is behind by another 0.1 s with each request.
    assert fast.latency_s == pytest.approx(0.3 + 0.1 * np.arange(50))
    assert fast.throughput_rps == pytest.approx(50 / (0.1 + 50 * 0.2))
    assert fast.utilization == pytest.approx([50 * 0.1 / 10.1, 50 * 0.2 / 10.1])


def test_a_pipeline_is_as_fast_as_its_slowest_stage() -> None:
    route = chain(0.02, 0.05, 0.03)
    assert route.busy_s.tolist() == [0.02, 0.05, 0.03]
    found = simulate(route, np.zeros(1000))
    assert found.end_s[-1] == pytest.approx(0.02 + 1000 * 0.05 + 0.03)
    assert found.end_s[0] == pytest.approx(0.1)


def test_both_ways_to_simulate_agree() -> None:
    operations = (
        Operation(0, 0.001, 0.01, 0.002),
        Operation(1, 0.0, 0.02, 0.0, (0,)),
        Operation(2, 0.0, 0.03, 0.001, (0,)),
        Operation(NOTHING, 0.004, 0.0, 0.0, (1,)),
        Operation(3, 0.0, 0.015, 0.0, (2, 3)),
    )
    route, arrivals = Route(operations, ("a", "b", "c", "d")), poisson(2000, 25.0)
    ways = np.zeros(len(arrivals), dtype=np.int64)
    assert _in_time([route], ways, arrivals) == pytest.approx(_in_columns(route, arrivals), rel=1e-9)


def test_a_device_with_two_stages_serves_what_is_ready_first() -> None:
    # Device 0 computes a stage, device 1 the next, device 0 the last: 1 s each. By hand, two requests at 0 and 0.5 s:
    # first: 0-1 on 0, 1-2 on 1, 2-3 on 0; second: 1-2 on 0, 2-3 on 1, 3-4 on 0.
    operations = (Operation(0, service_s=1.0), Operation(1, 0, 1.0, 0, (0,)), Operation(0, 0, 1.0, 0, (1,)))
    found = simulate(Route(operations, ("x", "y")), np.array([0.0, 0.5]))
    assert found.end_s.tolist() == [3.0, 4.0]


def fleet_and_network(count: int, *, one_room: bool) -> CostModel:
    fleet = FleetSpec(groups=(GroupSpec(name="boards", count=count),)).resolve()
    return CostModel(fleet, NetworkSpec(topology=Star(one_room=one_room)).resolve(fleet))


def ring(count: int, size: int = 20_000) -> Trace:
    """One inference that goes through all devices and back to the first."""
    builder, cause = TraceBuilder(), None
    for device in range(count):
        done = builder.compute(device, WORK, 1, mode="infer", after=cause)
        up = builder.send(device, -1, size, new_connection=False, kept=True, after=done)
        cause = builder.send(-1, (device + 1) % count, size, new_connection=False, kept=True, after=up)
    return builder.build()


def fan(count: int) -> Trace:
    """One device asks all others at the same time and waits for every answer."""
    builder = TraceBuilder()
    others = np.arange(1, count)
    up = builder.send(np.zeros(count - 1, dtype=int), -1, 50_000, new_connection=False, kept=True)
    down = builder.send(-1, others, 50_000, new_connection=False, kept=True, after=up)
    done = builder.compute(others, WORK, 1, mode="infer", after=down)
    back = builder.send(others, -1, 1000, new_connection=False, kept=True, after=done)
    last = builder.send(-1, np.zeros(count - 1, dtype=int), 1000, new_connection=False, kept=True, after=back)
    builder.compute(0, WORK, 1, mode="infer", after=builder.barrier(last))
    return builder.build()


@pytest.mark.parametrize("one_room", [False, True])
@pytest.mark.parametrize("trace", [ring(4), fan(4)], ids=["ring", "fan"])
def test_a_single_request_takes_what_the_cost_model_says(trace: Trace, one_room: bool) -> None:
    model = fleet_and_network(4, one_room=one_room)
    found = simulate(Route.of(trace, model), np.zeros(1))
    assert float(found.end_s[0]) == pytest.approx(float(model.cost(trace).round_s[0]), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("one_room", [False, True])
def test_ten_thousand_requests_over_sixteen_devices_take_seconds(one_room: bool) -> None:
    model = fleet_and_network(16, one_room=one_room)
    route = Route.of(ring(16), model)
    arrivals = poisson(10_000, 0.8 / route.busy_s.max())
    start = time.process_time()
    found = simulate(route, arrivals)
    assert time.process_time() - start < 60  # the slower of both takes about 2 s of one core
    assert len(found.end_s) == 10_000
    if not one_room:  # where nothing overtakes, nobody is faster than a single request
        assert float(found.latency_s.min()) >= float(model.cost(ring(16)).round_s[0]) * (1 - 1e-9)
    assert found.percentile(99) > found.percentile(50)


def test_messages_over_one_link_wait_for_each_other_between_requests() -> None:
    """Two messages of a request go one way over one link: it is the bottleneck of a stream, busy for both of them."""
    model, builder = fleet_and_network(2, one_room=False), TraceBuilder()
    for size in (50_000, 100_000):
        builder.send(0, -1, size, new_connection=False, kept=True)
    route = Route.of(builder.build(), model)
    assert route.resources == ("link:device:0>server",)
    assert route.busy_s.max() == pytest.approx(sum(one.service_s for one in route.operations))
    found = simulate(route, np.zeros(20))
    assert found.end_s[-1] == pytest.approx(found.end_s[0] + 19 * route.busy_s.max())
