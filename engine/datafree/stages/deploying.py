"""Shipping the final model to every device, and what the devices then do with it."""

from dataclasses import dataclass

from typing_extensions import override

from engine.core.json import JsonValue
from engine.datafree import layout
from engine.datafree.fleet.deployment import deployment_trace, final_of
from engine.datafree.rounding.quantized_state import from_arrays
from engine.datafree.stages.job import Job, Turn, global_step, measured, told
from engine.datafree.world import World
from engine.models.profile import profile
from engine.task.contract import State


def shipped_bytes(world: World, state: State, final: str) -> int:
    """Bytes of the final model's weights."""
    if final == "quantized":
        return from_arrays(world.graph(final, state), world.weights(state, final)).num_bytes
    return world.graph(final, state).parameter_bytes


@dataclass(frozen=True)
class Deploy(Job):
    """Books what the deployment costs the fleet; the last job."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        final = final_of(world.task)
        num_bytes = shipped_bytes(world, state, final)
        trace = deployment_trace(world.task, world.context, profile(world.graph(final, state)), num_bytes)
        cost = world.context.cost_model.cost(trace)
        totals = cost.ledger.totals()
        row = layout.value(state, "contenders")[final]
        state = state.replace(
            values={
                "totals": {name: float(totals[name]) for name in layout.TOTALS},
                "metrics": {"accuracy": row["accuracy"], "loss": row["loss"]},
                "reason": "deployed",
            },
            tensors={
                **layout.under(layout.LEDGER, cost.ledger.to_arrays()),
                **layout.under(layout.TRACE, trace.to_arrays()),
            },
        )
        values = {"accuracy": row["accuracy"], "loss": row["loss"]}
        rows: list[JsonValue] = [*cost.ledger.by_group()]
        return state, [
            measured(state, self.stage, global_step(state, steps), values),
            told(state, "ledger", self.stage, round=global_step(state, steps), rows=rows),
        ]
