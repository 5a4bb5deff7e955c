"""Networks with early exits carried out by real processes: who answers, what travels, what is left after a loss."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.__main__ import main
from engine.core.errors import EngineError
from engine.emulation.laboratory import Host
from engine.inference.cuts.execution import answers
from engine.inference.live.exits import ExitRule
from engine.inference.live.of_run import FILE
from engine.inference.live.session import PROGRAM, Session
from engine.inference.live.trial import Trial
from engine.inference.world import World
from engine.models.build import build
from engine.training.arrays import as_tensors, load
from tests.emulation.conftest import require
from tests.emulation.test_live import SPEC, ended, logits_of, trial_of, world_of

COUNT = 24
EXITS = (
    "task.teacher.model={kind: mlp, hidden: [32, 24, 16]}",
    "task.splitter={kind: early_exit, at: [0.5, 0.8], policy: max_probability}",
    "task.failures.renew=false",
)


@pytest.fixture(scope="module")
def warm() -> Iterator[Host]:
    with Host(PROGRAM) as host:
        yield host


def expected(world: World, at: tuple[int, ...]) -> tuple[Trial, np.ndarray, np.ndarray]:
    """A trial with a threshold by which every exit answers some; (N,) who answers, and (E, N, K) what each would say.

    The pieces run in this process, as the run itself measures its exits.
    """
    trial = trial_of(world, require("loopback"), at)
    draw = np.random.default_rng(1)
    inputs = 2 * draw.standard_normal((COUNT, *trial.graph.sample.shape), dtype=np.float32)
    # Without training signals fade from part to part: the second exit is made about as sure as the first one.
    weights = {name: value * 8 if name == "exit1_head.weight" else value for name, value in trial.weights.items()}
    trial = replace(trial, inputs=inputs, weights=weights)
    module = build(trial.graph).eval()
    load(module, as_tensors(dict(trial.weights)))
    with torch.no_grad():
        said = answers(module, world.planning.pieces, torch.from_numpy(trial.inputs))
    logits = np.stack([value.numpy() for _, value in said])
    shares = np.exp(logits.astype(np.float64))
    sureness = (shares / shares.sum(axis=2, keepdims=True)).max(axis=2)[:-1]
    marks = np.sort(sureness.ravel())
    for threshold in (marks[1:] + marks[:-1]) / 2:
        which = np.vstack([sureness >= threshold, np.ones((1, COUNT), bool)]).argmax(axis=0)
        if np.bincount(which, minlength=3).min() >= 3:
            return replace(trial, rule=ExitRule("max_probability", float(threshold))), which, logits
    raise AssertionError("no threshold divides these samples")


@pytest.mark.kill
@pytest.mark.parametrize("at", [(0, 1, 2), (1, 2, 1), (3, 3, 0)], ids=["chain", "there and back", "back at the source"])
def test_every_request_is_answered_at_its_exit(at: tuple[int, ...], warm: Host) -> None:
    trial, which, logits = expected(world_of(*EXITS), at)
    with Session(trial, warm) as session:
        carried = session.serve([None] * COUNT)
        streamed = session.serve([0.0] * COUNT)
    for found in (carried, streamed):
        assert ended(found) == (COUNT, 0, 0)
        assert [request.left_at for request in found.requests] == which.tolist()
        assert found.at_exits == dict(enumerate(np.bincount(which).tolist()))
        assert np.abs(logits_of(found) - logits[which, np.arange(COUNT)]).max() < 1e-5
    # Later parts compute for those alone that come to them.
    assert streamed.stages == 2 * sum(number + 1 for number in which)


@pytest.mark.kill
def test_what_an_exit_answers_never_leaves_its_device_and_takes_no_longer(warm: Host) -> None:
    trial, which, _ = expected(world_of(*EXITS), (0, 1, 2))
    early = int((which == 0).sum())
    trial = replace(trial, inputs=trial.inputs[np.argsort(which, kind="stable")])
    with Session(trial, warm) as session:
        first = session.serve([None] * early)
        assert session.watched().packets == 0
        every = session.serve([None] * COUNT)
        assert session.watched().packets > 0
    assert set(first.at_exits) == {0}
    assert min(first.latencies_s) < min(every.latencies_s[early:])  # at their best: a busy host makes some late


@pytest.mark.kill
def test_the_exit_before_a_lost_part_answers_all_that_come_to_it(warm: Host) -> None:
    trial, which, logits = expected(world_of(*EXITS), (0, 1, 2))
    kept = 4
    with Session(trial, warm) as session:
        carried = session.serve([None] * COUNT, {2: kept})
    is_forced = (which == 2) & (np.arange(COUNT) >= kept)
    assert [request.left_at for request in carried.requests] == np.where(is_forced, 1, which).tolist()
    assert [request.ending == "degraded" for request in carried.requests] == is_forced.tolist()
    assert np.abs(logits_of(carried) - logits[np.where(is_forced, 1, which), np.arange(COUNT)]).max() < 1e-5
    (noticed,) = carried.noticed
    assert (noticed.device, noticed.outcome, noticed.device_of) == (2, "degraded", (0, 1, -1))


def test_exits_need_a_rule() -> None:
    with pytest.raises(EngineError, match="needs a rule"):
        Session(trial_of(world_of(*EXITS), "loopback"))


@pytest.mark.kill
def test_a_run_counts_the_same_answers_of_each_exit_as_its_simulation(tmp_path: Path) -> None:
    require("loopback")
    (tmp_path / "spec.yaml").write_text(SPEC + "execution: {backend: emulate, fabric: loopback, emulated_rounds: 40}")
    settings = (
        "task.splitter={kind: early_exit, at: [0.5], threshold: 0.3}",
        "task.training={steps: 150, batch_size: 64, optimizer: adam, lr: 0.01}",
        "task.teacher.training={epochs: 1}",
        "task.placer={kind: given, assignment: {part0: 0, part1: 2}}",
    )
    words = [word for setting in settings for word in ("--set", setting)]
    assert main(["run", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out"), *words]) == 0
    costs = json.loads((tmp_path / "out" / "result.json").read_bytes())["costs"]
    counts = [costs[f"emulated_exit{number}_answers"] for number in range(2)]
    assert counts == [costs[f"simulated_exit{number}_answers"] for number in range(2)]
    assert sum(counts) == costs["emulated_answered"] == 40
    assert min(counts) > 0
    requests = json.loads((tmp_path / "out" / "artifacts" / FILE).read_bytes())["requests"]
    assert sum(request["left_at"] == 0 for request in requests) == counts[0]
