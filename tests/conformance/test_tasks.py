"""What every task promises: same seed same bits, whoever computes its blocks and however often it is interrupted."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from engine.core.events import Event
from engine.costs.estimate import estimate
from engine.runs.checkpoint import FolderCheckpoints
from engine.runs.context import make_context
from engine.runs.control import Control
from engine.runs.loop import Outcome, run
from engine.runs.sinks import MemorySink
from engine.specs.experiment import ExperimentSpec
from engine.specs.families import FAMILIES
from engine.specs.text import parse
from engine.task.contract import Block, BlockExecutor, BlockResult, Context, Task, Tensors

FEDERATED = """
fleet: {groups: [{name: boards, count: 5}, {name: phones, device: phone_mid_sd765g, count: 3}]}
execution: {checkpoint_s: 0}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: dirichlet, alpha: 0.5}
  model: {kind: mlp, hidden: [8]}
  sampler: {kind: uniform, num_clients: 5}
  local: {epochs: 1, batch_size: 32, lr: 0.1}
  rounds: 3
"""

DATAFREE = """
fleet: {groups: [{name: boards, count: 3}, {name: phones, device: phone_mid_sd765g, count: 2}]}
execution: {checkpoint_s: 0}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [16]}, training: {epochs: 2, batch_size: 32}}
  student: {kind: mlp, hidden: [8]}
  synthesizer: {kind: noise, batch_size: 50}
  num_images: 150
  distillation: {steps: 12, batch_size: 16}
  export: {formats: []}  # how fast this host runs a file is no function of the seed
"""

INFERENCE = """
fleet:
  groups: [{name: sensors, count: 2}, {name: phones, device: phone_mid_sd765g, count: 2}, {name: cloud, count: 1}]
execution: {checkpoint_s: 0}
task:
  kind: inference
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [16]}, training: {epochs: 2, batch_size: 32}}
  splitter: {kind: channel, num_slices: 2}
  placer: {kind: greedy}
  cloud: cloud
  requests: {count: 20}
"""

DREAMS = """task.synthesizer={kind: dream_distillation, steps: 6, batch_size: 50}; \
task.metadata={kind: activation_clusters, num_clusters: 1, num_components: 2, share: 1}"""

NONN = """task.splitter={kind: nonn, students: [{kind: mlp, hidden: [6]}], filters: {held_out: 0.2}, num_learned: 9}; \
task.training={steps: 12, batch_size: 16}; task.objective=memory; task.failures={renew: false}"""

SPECS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "federated": (
        FEDERATED,
        (
            "task.strategy={kind: fedavg}",
            "task.strategy={kind: scaffold}",  # has tensors of single clients
            "task.strategy={kind: fedmax}",
            "task.local.path=per_client",
            "fleet.groups=[{name: field, count: 8, battery: {capacity_j: 8, harvest_w: 4}}]",  # some run empty
            "task.scheduler={kind: deadline, deadline_s: 1.6, late: partial}",
            "task.scheduler={kind: buffered, buffer_size: 2}",
            "task.coordination={kind: gossip}",
        ),
    ),
    "datafree": (
        DATAFREE,
        (
            "task.distiller={kind: features}; task.pruner={kind: magnitude}",  # trains tensors beside the student
            "task.student=null; task.quantizer={kind: squant}; task.audit={num_samples: 50}",
            DREAMS,
            # the student learns between batches
            "task.synthesizer={kind: dafl, batch_size: 50, steps: 3, generator: {latent_size: 4, channels: 4}}",
        ),
    ),
    "inference": (
        INFERENCE,
        (
            "task.objective=memory; task.failures={most_lost: 2, standbys: 1}",
            "task.splitter={kind: layer}; task.placer={kind: min_cut}; task.origin=phones; task.sink=sensors",
            "task.requests={count: 200, arrivals: poisson, rate_rps: 50}; task.failures={plan_for: worst_case}",
            NONN,
            "task.splitter={kind: ensemble, members: [{kind: mlp, hidden: [6]}]}; task.training={steps: 8}",
        ),
    ),
}
"""For each task a small spec, and settings under which it takes different paths; a semicolon parts them."""

CASES = [(kind, setting) for kind, (_, settings) in SPECS.items() for setting in settings]

FORESEEN = [case for case in CASES if not any(part in case[1] for part in ("battery", "deadline", "buffered"))]
"""Those whose learning depends on neither time nor energy, so that its trace tells all."""


def spec_of(kind: str, setting: str) -> ExperimentSpec:
    """The small spec of a task under a setting."""
    return parse(SPECS[kind][0], settings=setting.split("; "))


def carry_out(spec: ExperimentSpec, executor: BlockExecutor | None = None) -> tuple[Outcome, list[Event]]:
    """A run that nothing interrupts."""
    sink = MemorySink()
    return run(spec, 1, context=make_context(spec, 1, executor=executor), sink=sink), sink.events


def bits(tensors: Tensors) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Names, types, shapes and bytes."""
    return {name: (str(array.dtype), array.shape, np.asarray(array).tobytes()) for name, array in tensors.items()}


def assert_same(first: tuple[Outcome, list[Event]], second: tuple[Outcome, list[Event]]) -> None:
    """Both runs have the same log and ended in the same state."""
    assert first[1] == second[1]
    before, after = first[0].state, second[0].state
    assert before.values == after.values
    assert bits(before.tensors) == bits(after.tensors)
    assert list(before.clients) == list(after.clients)
    assert all(bits(before.clients[client]) == bits(after.clients[client]) for client in before.clients)
    assert first[0].summary == second[0].summary


class Elsewhere:
    """Computes every block as another process would: all that goes in and comes out is written and read back."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self.context = make_context(spec, 1)  # shares nothing with the run's own, its cache included

    def offer(self, task: Task, context: Context, blocks: Iterable[Block]) -> None:
        """Nobody else helps."""

    def run(self, task: Task, context: Context, block: Block) -> BlockResult:
        """The result of the block after both ways."""
        sent = Block(
            tuple(json.loads(json.dumps(block.name))),
            tuple(json.loads(json.dumps(block.clients))),
            through(block.inputs),
            json.loads(json.dumps(block.values)),
            {client: through(tensors) for client, tensors in block.client_states.items()},
        )
        result = task.compute_block(self.context, sent)
        return BlockResult(
            through(result.tensors),
            json.loads(json.dumps(result.values)),
            {client: through(tensors) for client, tensors in result.clients.items()},
        )


class AfterEveryStep(Control):
    """Asks for a pause once a step was taken: the loop looks before each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def should_pause(self) -> bool:
        """From the second look on."""
        self.looks += 1
        return self.looks > 1


def through(tensors: Tensors) -> dict[str, np.ndarray]:
    """The tensors after a way through a file."""
    return dict(load(save({name: np.asarray(array, order="C") for name, array in tensors.items()})))


def test_every_task_is_looked_at() -> None:
    assert set(SPECS) == set(FAMILIES["tasks"].members())


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "setting"), CASES)
def test_the_same_seed_gives_the_same_bits(kind: str, setting: str) -> None:
    spec = spec_of(kind, setting)
    assert_same(carry_out(spec), carry_out(spec))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "setting"), CASES)
def test_blocks_computed_elsewhere_give_the_same_bits(kind: str, setting: str) -> None:
    spec = spec_of(kind, setting)
    assert_same(carry_out(spec), carry_out(spec, Elsewhere(spec)))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "setting"), CASES)
def test_a_run_restarted_from_disk_after_every_step_ends_alike(kind: str, setting: str, tmp_path: Path) -> None:
    spec, sink = spec_of(kind, setting), MemorySink()
    status, restarts = "paused", 0
    while status == "paused":
        outcome = run(
            spec,
            1,
            context=make_context(spec, 1),
            sink=sink,
            checkpoints=FolderCheckpoints(tmp_path),
            control=AfterEveryStep(),
        )
        status, restarts = outcome.status, restarts + 1
        assert restarts < 1000
    assert restarts >= 3
    assert_same((outcome, sink.events), carry_out(spec))


@pytest.mark.parametrize(("kind", "setting"), CASES)
def test_time_and_progress_never_go_back_and_metrics_carry_costs(kind: str, setting: str) -> None:
    spec, sink = spec_of(kind, setting), MemorySink()
    outcome = run(spec, 1, context=make_context(spec, 1), sink=sink)
    times = [event.sim_time_s for event in sink.events if event.sim_time_s is not None]
    assert times == sorted(times)
    done = [progress.done for progress in sink.progresses]
    assert done == sorted(done)
    assert done[-1] <= sink.progresses[-1].total
    metrics = [event.body["values"] for event in sink.events if event.kind == "metrics"]
    assert metrics
    for name in ("time_s", "energy_j", "bytes_up", "bytes_down"):
        series = [values[name] for values in metrics]
        assert series == sorted(series)
    totals = spec.task.ledger(outcome.state).totals()
    assert outcome.summary is not None
    for name in ("time_s", "energy_j", "bytes_up", "bytes_down"):
        assert metrics[-1][name] == pytest.approx(totals[name])
        assert outcome.summary.costs[name] == pytest.approx(totals[name])


@pytest.mark.parametrize(("kind", "setting"), FORESEEN)
def test_the_trace_that_was_left_costs_what_the_run_said(kind: str, setting: str) -> None:
    spec = spec_of(kind, setting)
    outcome, _ = carry_out(spec)
    totals = make_context(spec, 1).cost_model.cost(spec.task.trace(outcome.state)).ledger.totals()
    assert outcome.summary is not None
    for name in ("time_s", "energy_j", "bytes_up", "bytes_down"):
        assert outcome.summary.costs[name] == pytest.approx(totals[name], rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "setting"), FORESEEN)
def test_the_estimate_comes_close(kind: str, setting: str) -> None:
    spec = spec_of(kind, setting)
    outcome, _ = carry_out(spec)
    expected = estimate(spec.task, make_context(spec, 1)).totals
    assert outcome.summary is not None
    for name in ("bytes_up", "bytes_down"):
        assert outcome.summary.costs[name] == pytest.approx(expected[name].expected, rel=1e-6)
    assert expected["time_s"].low <= outcome.summary.costs["time_s"] <= expected["time_s"].high
