"""A task that can be followed by hand: clients pull a weight towards their targets, in rounds of several blocks."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from engine.core.errors import Problem
from engine.core.events import Event
from engine.costs.ledger import Ledger
from engine.costs.trace import Trace, TraceBuilder
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import parse
from engine.task.contract import Block, BlockResult, Context, JsonValue, Progress, State, Summary, Task

SPEC = """
fleet: {groups: [{name: boards, count: 4}]}
task: {kind: federated, dataset: {kind: digits}, sampler: {num_clients: 4, kind: uniform}}
"""


class Quadratic(Task):
    """Minimize the mean of (w - target)^2 / 2 over clients, each with noise and a visit counter of its own."""

    source: ClassVar[str] = "A test"
    kind: Literal["quadratic"] = "quadratic"
    rounds: int = 5
    num_blocks: int = 3
    clients_per_block: int = 2
    fails_at: int = -1
    """Number of the block call, over all rounds, at which it raises an error once; -1 for never."""

    def check(self, context: Context) -> list[Problem]:
        """Nothing can be wrong."""
        return []

    def facts(self, context: Context) -> Mapping[str, JsonValue]:
        """The number of clients."""
        return {"num_clients": self.num_blocks * self.clients_per_block}

    def expected_trace(self, context: Context) -> Trace:
        """Nothing is sent."""
        return TraceBuilder().build()

    def init(self, context: Context) -> State:
        """A weight from the run's stream."""
        return State({"round": 1, "block": 0}, {"w": context.stream("w").normal(size=3)})

    def step(self, context: Context, state: State) -> tuple[State, list[Event]]:
        """Compute one block; close the round after its last."""
        number, block_number = int(state.values["round"]), int(state.values["block"])
        first = block_number * self.clients_per_block
        clients = tuple(range(first, first + self.clients_per_block))
        block = Block(
            ("train", number, block_number),
            clients,
            {"w": state.tensors["w"]},
            {"round": number},
            {client: state.clients[client] for client in clients if client in state.clients},
        )
        result = context.executor.run(self, context, block)
        state = state.replace(
            {"block": block_number + 1}, {f"block.{block_number}": result.tensors["sum"]}, result.clients
        )
        return self._close(state, number) if block_number + 1 == self.num_blocks else (state, [])

    def compute_block(self, context: Context, block: Block) -> BlockResult:
        """One noisy step of each client towards its target, which is its id."""
        steps, states = [], {}
        for client in block.clients:
            visits = block.client_states.get(client, {}).get("visits", np.array(0))
            noise = context.stream("noise", block.values["round"], client).normal(size=3)
            steps.append(block.inputs["w"] - 0.5 * (block.inputs["w"] - client + 0.1 * noise * (1 + visits)))
            states[client] = {"visits": visits + 1}
        return BlockResult({"sum": np.sum(steps, axis=0)}, {}, states)

    def is_done(self, state: State) -> bool:
        """After the last round."""
        return int(state.values["round"]) > self.rounds

    def progress(self, state: State) -> Progress:
        """Rounds."""
        return Progress(int(state.values["round"]) - 1, self.rounds, "round")

    def summarize(self, state: State) -> Summary:
        """The distance of the weight from the mean target."""
        return Summary({"w": float(state.tensors["w"].sum())}, "all_rounds", {"time_s": float(self.rounds)})

    def trace(self, state: State) -> Trace:
        """Nothing was sent."""
        return TraceBuilder().build()

    def ledger(self, state: State) -> Ledger:
        """Nothing cost anything."""
        return Ledger.empty()

    def _close(self, state: State, number: int) -> tuple[State, list[Event]]:
        names = [f"block.{block}" for block in range(self.num_blocks)]
        mean = np.sum([state.tensors[name] for name in names], axis=0) / (self.num_blocks * self.clients_per_block)
        values = {"w": mean.sum(), "diverged": np.float64("nan")}
        events = [
            Event(kind="metrics", body={"round": number, "values": values}, sim_time_s=float(number)),
            Event(kind="clients", body={"round": number, "ids": np.arange(2)}),
        ]
        return state.replace({"round": number + 1, "block": 0}, {"w": mean}, drop=names), events


def experiment(task: Task | None = None, checkpoint_s: float = 0.0) -> ExperimentSpec:
    """An experiment around the task, which stands in no registry."""
    spec = parse(SPEC)
    execution = spec.execution.model_copy(update={"checkpoint_s": checkpoint_s})
    return spec.model_copy(update={"task": task or Quadratic(), "execution": execution})
