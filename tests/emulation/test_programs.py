"""A trace is cut into what each node does."""

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.core.nodes import SERVER
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.emulation.programs import Program, Step, nodes_of, programs_of

WORK = Work(macs={"conv": 1000})


def federated() -> TraceBuilder:
    """Devices 3 and 8: down, train, up, a barrier."""
    builder = TraceBuilder()
    devices = np.array([3, 8])
    down = builder.send(SERVER, devices, 500, new_connection=True, phase="download")
    trained = builder.compute(devices, WORK, 1, mode="train", after=down)
    builder.barrier(builder.send(devices, SERVER, 400, new_connection=False, after=trained))
    return builder


def test_programs() -> None:
    trace = federated().build()
    assert nodes_of(trace) == [SERVER, 3, 8]
    server, three, eight = programs_of(trace, 0, np.full(trace.num_items, 0.25))
    assert server == Program(
        steps=[Step(0, -1, 1, 500, True, 0.25), Step(1, -1, 2, 500, True, 0.25)],
        barriers={6: [4, 5]},
        arrivals=[4, 5],
    )
    assert three.steps == [Step(2, 0, seconds=0.25, trains=True), Step(4, 2, 0, 400, False, 0.25)]
    assert eight.arrivals == [1]
    assert Program.from_json(server.to_json()) == server


def test_connections_that_are_kept_are_opened_by_the_device() -> None:
    builder = TraceBuilder()
    builder.send(SERVER, np.array([0, 1]), 100, new_connection=False)
    server, *devices = programs_of(builder.build(), 0, np.zeros(2))
    assert (server.opens, server.accepts) == ([], [1, 2])
    assert [device.opens for device in devices] == [[0], [0]]


def test_a_connection_of_its_own_is_not_opened_before() -> None:
    server, three, eight = programs_of(federated().build(), 0, np.zeros(7))
    assert server.accepts == three.opens == eight.opens == []


def test_rounds_are_cut_apart() -> None:
    builder = federated()
    builder.next_round()
    builder.send(np.array([5]), SERVER, 100, new_connection=False)
    trace = builder.build()
    programs = programs_of(trace, 1, np.zeros(trace.num_items))
    assert [len(program.steps) for program in programs] == [0, 0, 1, 0]
    assert nodes_of(trace) == [SERVER, 3, 5, 8]


def test_an_effect_elsewhere_is_refused() -> None:
    builder = TraceBuilder()
    sent = builder.send(0, SERVER, 100, new_connection=False)
    builder.send(1, SERVER, 100, new_connection=False, after=sent)
    with pytest.raises(EngineError, match="item 1 starts at device:1, where its cause 0 does not end"):
        programs_of(builder.build(), 0, np.zeros(2))


def test_a_barrier_over_several_nodes_is_refused() -> None:
    builder = TraceBuilder()
    builder.barrier(builder.send(SERVER, np.array([0, 1]), 100, new_connection=False))
    with pytest.raises(EngineError, match="barrier 2 waits for items that end at different nodes"):
        programs_of(builder.build(), 0, np.zeros(3))
