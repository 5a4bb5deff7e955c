"""The validation: every scenario predicted first, then really carried out, and both compared."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from engine.emulation.control import LaboratoryError
from engine.emulation.experiment import Bench, Emulated, Order, host_facts
from engine.emulation.fabric import FabricName
from engine.emulation.laboratory import Host
from engine.emulation.prediction import Prediction, predict
from engine.emulation.results import FORMAT
from engine.emulation.scenarios import Scenario
from engine.emulation.scores import errors, measured, summary

LEAST_PATIENCE_S, PATIENCE = 60.0, 6.0
"""A scenario is given up after so long, or after so many times what was predicted."""

MARGIN_S = 60.0
"""Beyond that the kernel ends it."""

Heard = Callable[[int, int, dict[str, Any]], None]
"""Told the number of scenarios so far, of all, and the latest row."""


def validate(scenarios: Sequence[Scenario], fabric: FabricName, heard: Heard | None = None) -> dict[str, Any]:
    """Carry out all scenarios; none is dropped, whatever comes of it.

    Everything is predicted before anything is measured.

    Returns:
        The result as plain data: a row per scenario, the summary, and facts about this host.
    """
    predictions = [predict(scenario) for scenario in scenarios]
    rows: list[dict[str, Any]] = []
    began = dt.datetime.now(dt.UTC)
    with _Hosts() as hosts:
        for scenario, prediction in zip(scenarios, predictions, strict=True):
            rows.append(_row(scenario, prediction, fabric, hosts))
            if heard is not None:
                heard(len(rows), len(scenarios), rows[-1])
    return {
        "format": FORMAT,
        "at": began.isoformat(timespec="seconds"),
        "seconds": (dt.datetime.now(dt.UTC) - began).total_seconds(),
        "fabric": fabric,
        "host": host_facts(),
        "rows": rows,
        "summary": summary(rows),
    }


class _Hosts:
    """A warm parent, replaced by a new one when a scenario has cost it its life."""

    def __enter__(self) -> "_Hosts":
        self.host = Host().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.host.__exit__(None, None, None)

    def renew(self) -> None:
        """End the parent and start another."""
        self.__exit__()
        self.__enter__()


def _row(scenario: Scenario, prediction: Prediction, fabric: FabricName, hosts: _Hosts) -> dict[str, Any]:
    workload, predicted = scenario.workload, asdict(prediction)
    row: dict[str, Any] = {
        "id": scenario.id,
        "link": scenario.line.name,
        "title": scenario.line.title,
        "held_out": scenario.line.held_out,
        "workload": workload.model_dump(mode="json"),
        "transport": scenario.transport,
        "loss": scenario.loss,
        "loss_class": scenario.loss_class,
        "unstable": scenario.unstable,
        "predicted": predicted,
        "invalid": [],
    }
    patience_s = max(LEAST_PATIENCE_S, PATIENCE * scenario.rounds * prediction.monte_carlo_p95_s)
    trace = workload.rounds(1)
    order = Order(workload.fleet(), workload.network(scenario.link), fabric, deadline_s=patience_s + MARGIN_S)
    try:
        emulated = Bench(order, trace, hosts.host).measure([0] * scenario.rounds, patience_s)
    except LaboratoryError as error:
        hosts.renew()
        return row | {"invalid": [str(error)]}
    items = range(trace.num_items)
    samples = [value for one in emulated.times for value in workload.measures(one, items)]
    row |= {"invalid": _reasons(scenario, emulated, len(samples)), "watched": asdict(emulated.watched)}
    row["load"] = emulated.facts["load"]
    if samples:
        row["measured"] = measured(samples)
        row["errors"] = errors(row["measured"], predicted)
    return row


def _reasons(scenario: Scenario, emulated: Emulated, samples: int) -> list[str]:
    found = list(emulated.reasons)
    if samples < scenario.samples:
        found.append(f"{samples} samples in time, not {scenario.samples}")
    return found
