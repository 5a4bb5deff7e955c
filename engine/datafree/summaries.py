"""The beginning of a data-free deployment, and what it amounts to in the end."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.core.json import JsonValue
from engine.datafree.agenda import agenda_of
from engine.datafree.artifacts import files_of, host_latencies
from engine.datafree.fleet.deployment import final_of
from engine.datafree.published import published_of
from engine.datafree.world import world_of
from engine.models.graph_json import to_json
from engine.task import layout
from engine.task.contract import Context, State, Summary

if TYPE_CHECKING:
    from engine.datafree.task import Datafree


def begin(task: "Datafree", context: Context) -> State:
    """The state before the first job; loads the data, so that a missing set is told at once."""
    world = world_of(task, context)
    assert len(world.test), "data sets have test samples"
    if task.baselines.out_of_domain is not None and task.student is not None:
        world.pool(task.baselines.out_of_domain)
    graphs: dict[str, JsonValue] = {name: dict(to_json(world.graph(name))) for name in ("teacher", "student")}
    values: dict[str, JsonValue] = {
        "files": {}, "exports": {}, "audit": {},
        "totals": dict.fromkeys(layout.TOTALS, 0.0), "metrics": {}, "contenders": {}, "graphs": graphs,
    }  # fmt: skip
    return agenda_of(world).begin(context.fleet.names, values)


TOLD = ("_auc", "_tpr_at_0.001", "_tpr_at_0.01", "_nearer_to_members")
"""Endings of the audit's figures that are metrics of the run; the audit's event has all."""


def audit_figures(body: Mapping[str, Any]) -> dict[str, float]:
    """The figures of an audit that stand for it."""
    return {name: figure for name, figure in body.get("figures", {}).items() if name.endswith(TOLD)}


def summary_of(task: "Datafree", state: State) -> Summary:
    """Metrics, contenders, costs and files of a run."""
    rows: dict[str, Any] = layout.value(state, "contenders")
    final = final_of(task)
    found = {**layout.value(state, "metrics"), "agreement": rows[final]["agreement"]}
    found["teacher_accuracy"] = rows["teacher"]["accuracy"]
    if final != "teacher" and "oracle" in rows:
        found["points_below_oracle"] = 100 * (rows["oracle"]["accuracy"] - rows[final]["accuracy"])
    found |= {f"audit_{name}": figure for name, figure in audit_figures(layout.value(state, "audit")).items()}
    baselines = {name: row for name, row in rows.items() if name != final}
    return Summary(
        metrics={name: float(value) for name, value in found.items()},
        reason=str(state.values["reason"]),
        costs={**layout.ledger_of(state).totals(), **host_latencies(task, state)},
        baselines=baselines,
        artifacts=files_of(task, state),
        published=published_of(task),
        words={"audit": audit["sentence"]} if (audit := layout.value(state, "audit")) else {},
    )
