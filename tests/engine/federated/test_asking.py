"""Clients that tell their loss before the choice: what it costs, and that the choice is right."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.federated.layout import SERVER, graph_of, population_of
from engine.federated.rounds.asking import ask_blocks, losses_of
from engine.federated.rounds.messages import grouped
from engine.federated.rounds.traffic import exchange_of
from tests.engine.federated import worlds

SAMPLER = {"kind": "power_of_choice", "num_clients": 3, "candidates": 7}


def bodies(events: list[Any], kind: str) -> list[dict[str, Any]]:
    return [event.body for event in events if event.kind == kind]


def test_the_highest_losses_of_the_first_model_are_chosen(tmp_path: Path) -> None:
    """Judged by torch's own cross-entropy on each client's samples."""
    import torch

    from engine.models.build import build
    from engine.models.weights import initial

    task, context = worlds.task(sampler=SAMPLER), worlds.context(tmp_path)
    _, events = worlds.run(task, context)
    cohort = bodies(events, "cohort")[0]
    module = build(graph_of(task, context))
    module.load_state_dict({n: torch.from_numpy(a) for n, a in initial(graph_of(task, context), 0).items()})
    losses = {}
    for client in cohort["asked"]:
        samples = population_of(task, context).samples([int(client)])
        rows = samples.places[0]
        with torch.no_grad():
            logits = module(torch.from_numpy(samples.x[rows]))
        losses[int(client)] = float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(samples.y[rows])))
    assert len(losses) == 7
    assert cohort["clients"] == sorted(sorted(losses, key=lambda client: -losses[client])[:3])


def test_asking_is_paid_for_and_nobody_receives_the_model_twice(tmp_path: Path) -> None:
    task, context = worlds.task(sampler=SAMPLER), worlds.context(tmp_path)
    state, events = worlds.run(task, context)
    exchange = exchange_of(task)
    totals = bodies(events, "metrics")[-1]["values"]
    assert totals["bytes_down"] == 2 * 7 * exchange.bytes_down
    assert totals["bytes_up"] == 2 * (7 * 4 + 3 * exchange.bytes_up)
    again = context.cost_model.cost(task.trace(state)).ledger.totals()
    for name in ("bytes_up", "bytes_down", "energy_j"):
        assert again[name] == pytest.approx(totals[name])
    plain, _ = worlds.run(worlds.task(sampler={"kind": "uniform", "num_clients": 3}), worlds.context(tmp_path))
    assert task.ledger(state).totals()["time_s"] > task.ledger(plain).totals()["time_s"]


def test_estimates_count_the_asking(tmp_path: Path) -> None:
    task, context = worlds.task(sampler=SAMPLER), worlds.context(tmp_path)
    state, _ = worlds.run(task, context)
    expected = context.cost_model.cost(task.expected_trace(worlds.context(tmp_path))).ledger.totals()
    real = task.ledger(state).totals()
    assert expected["bytes_down"] == real["bytes_down"]
    assert expected["bytes_up"] == real["bytes_up"]
    assert expected["time_s"] == pytest.approx(real["time_s"], rel=0.1)


def test_last_losses_cost_nothing(tmp_path: Path) -> None:
    task = worlds.task(sampler={**SAMPLER, "losses": "last"}, rounds=4)
    state, events = worlds.run(task, worlds.context(tmp_path))
    assert bodies(events, "metrics")[-1]["values"]["bytes_down"] == 4 * 3 * exchange_of(task).bytes_down
    assert all("asked" not in body for body in bodies(events, "cohort"))
    remembered = state.tensors["sampler/last_loss"]
    known = np.unique(np.concatenate([body["clients"] for body in bodies(events, "cohort")]))
    assert np.flatnonzero(np.isfinite(remembered)).tolist() == known.tolist()


def test_many_are_asked_in_blocks_and_their_losses_come_in_order(tmp_path: Path) -> None:
    """40 clients in blocks of 32 tell the losses that they would tell alone."""
    task, context = worlds.task(sampler=SAMPLER), worlds.context(tmp_path, devices=40)
    down = grouped(SERVER, task.init(context).tensors)
    blocks = ask_blocks(1, np.arange(40), down, np.ones(40))
    assert [(block.name, len(block.clients), block.macs) for block in blocks] == [
        (("ask", 1, 0), 32, 32.0),
        (("ask", 1, 1), 8, 8.0),
    ]
    together = losses_of(task, context, blocks)
    alone = [losses_of(task, context, ask_blocks(1, np.array([client]), down, np.ones(1)))[0] for client in (0, 31, 39)]
    assert together[[0, 31, 39]] == pytest.approx(alone, rel=1e-6)


def test_measuring_takes_one_pass_whatever_the_strategy_computes_beside() -> None:
    """Ditto trains twice; who is only asked computes what it would under FedAvg."""
    exchange, twice = (exchange_of(worlds.task(strategy={"kind": kind})) for kind in ("fedavg", "ditto"))
    assert twice.forward == exchange.forward == exchange.work
    assert twice.work != exchange.work
