"""The audit within a run: in steps of bounded work, of members and others as they were asked for."""

import pytest

from engine.runs.context import make_context
from engine.runs.loop import run
from engine.runs.sinks import MemorySink
from engine.specs.text import parse
from engine.task import pace

SPEC = b"""
version: 1
name: audited
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 1}]}
network: {topology: {kind: star}, links: {default: wifi4_linux}, backhaul: wan_fibre}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [16]}, training: {epochs: 2}}
  student: {kind: mlp, hidden: [4]}
  synthesizer: {kind: noise, batch_size: 40}
  num_images: 80
  distillation: {steps: 5}
  baselines: {oracle: false, real_distillation: false, noise: false}
  export: {formats: []}
  audit: {num_samples: 60, num_images: 50}
"""


def audited(monkeypatch, width: int) -> tuple[dict[str, float], int]:
    """Figures of the audit, and the steps it took."""
    monkeypatch.setattr(pace, "MOST_SAMPLES", width)
    spec, sink = parse(SPEC), MemorySink()
    summary = run(spec, 0, context=make_context(spec, 0), sink=sink).summary
    (body,) = (event.body for event in sink.events if event.kind == "audit")
    (started,) = (event.body for event in sink.events if event.kind == "started")
    stages = started["stages"]
    assert body["sentence"]
    assert summary is not None
    assert summary.words == {"audit": body["sentence"]}
    return body["figures"], next(stage["num_steps"] for stage in stages if stage["name"] == "audit")


def test_an_audit_in_many_steps_finds_the_same(monkeypatch) -> None:
    few, few_steps = audited(monkeypatch, 500)
    many, many_steps = audited(monkeypatch, 50)
    # teacher: 60 members, 60 others, 50 images; student: members and others
    assert (few_steps, many_steps) == (2, 4 + 3)
    assert (few["num_samples"], few["num_images"]) == (60, 50)
    assert many == pytest.approx(few, rel=1e-4, abs=1e-4)
    assert {"student_auc", "teacher_tpr_at_0.001", "pixels_nearer_to_members"} <= few.keys()
