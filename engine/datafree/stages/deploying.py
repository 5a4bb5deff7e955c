"""Shipping the final model to every device, and what the devices then do with it."""

from dataclasses import dataclass

from typing_extensions import override

from engine.core.json import JsonValue
from engine.datafree.fleet.deployment import deployment_trace, final_of
from engine.datafree.rounding.quantized_state import from_arrays
from engine.datafree.world import World
from engine.models.profile import profile
from engine.task import layout
from engine.task.contract import State
from engine.task.jobs import Job, Turn, global_step, measured, told


def shipped_bytes(world: World, state: State, final: str) -> int:
    """Bytes of the final model's weights."""
    if final == "quantized":
        return from_arrays(world.graph(final, state), world.weights(state, final)).num_bytes
    return world.graph(final, state).parameter_bytes


@dataclass(frozen=True)
class Deploy(Job[World]):
    """Books what the deployment costs the fleet; the last job."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        final = final_of(world.task)
        num_bytes = shipped_bytes(world, state, final)
        trace = deployment_trace(world.task, world.context, profile(world.graph(final, state)), num_bytes)
        cost = world.context.cost_model.cost(trace)
        row = layout.value(state, "contenders")[final]
        values = {"accuracy": row["accuracy"], "loss": row["loss"]}
        state = layout.booked(state, trace, cost.ledger).replace(values={"metrics": {**values}, "reason": "deployed"})
        rows: list[JsonValue] = [*cost.ledger.by_group()]
        return state, [
            measured(state, self.stage, global_step(state, steps), values),
            told(state, "ledger", self.stage, round=global_step(state, steps), rows=rows),
        ]
