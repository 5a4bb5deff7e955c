"""A data-free run as its log tells it, without training anything."""

import base64
from typing import Any

from tests.webapp.rows import add_batch, make_run
from webapp.experiments.log import Frame
from webapp.experiments.models import Run, RunState
from webapp.teams.models import Team

TEXT = """\
version: 1
name: Small without data
seeds: [0]
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 2}, {name: sensors, device: stm32g0b1, count: 3}]}
network: {topology: {kind: star}, links: {default: wifi4_linux}}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [32]}}
  student: {kind: mlp, hidden: [8]}
  synthesizer: {kind: noise}
"""
PNG = base64.b64encode(b"\x89PNG not really").decode()

STARTED: dict[str, Any] = {
    "digest": "d", "seed": 0, "num_devices": 5, "classes": ["zero", "one"], "final": "student",
    "stages": [
        {"name": "teacher", "title": "Teacher", "num_steps": 10},
        {"name": "synthesis", "title": "Images", "num_steps": 4},
        {"name": "student", "title": "Student", "num_steps": 6},
    ],
    "contenders": [
        {"name": "teacher", "title": "Teacher"}, {"name": "oracle", "title": "Oracle"},
        {"name": "student", "title": "Student"},
    ],
    "budget": [{"name": "student", "devices": [{
        "group": "sensors", "device": "STM32", "latency_s": None, "energy_j": None,
        "precision": {"fp32": {"fits": False, "excess_bytes": 77}},
    }]}],
    "metadata": {"kind": "none", "leaks": "nothing more", "guarantee": "no formal guarantee", "num_bytes": 0},
}  # fmt: skip


def contender(name: str, role: str, accuracy: float, num_bytes: int, **more: Any) -> dict[str, Any]:
    """A row of the table; it fits the boards, and lacks 1,234 bytes of flash on the sensors but for int8."""
    room = {"fits": True, "excess_bytes": 0, "flash_needed": 10, "flash_available": 20}
    short = {"fits": False, "excess_bytes": 1234, "flash_needed": 21234, "flash_available": 20000}
    boards = {"group": "boards", "device": "Pi", "latency_s": 1e-3, "energy_j": 2e-3}
    sensors = {"group": "sensors", "device": "STM32", "latency_s": None, "energy_j": None}
    devices = [
        {**boards, "precision": {"fp32": room, "int8": room}},
        {**sensors, "precision": {"fp32": short, "int8": room}},
    ]
    sizes = {"fp32": num_bytes, "int8": num_bytes // 4, "int4": num_bytes // 8}
    return {
        "name": name, "title": name.capitalize(), "role": role, "accuracy": accuracy, "recall": [accuracy, None],
        "agreement": 0.75, "num_parameters": num_bytes // 4, "macs": 100, "bytes": sizes, "peak_memory_bytes": 64,
        "devices": devices, **more,
    }  # fmt: skip


def frames() -> list[Frame]:
    """The whole log: stages cut into each other, two sheets, three contenders, a file and an audit."""

    def metrics(step: int, stage: str, **values: float) -> tuple[str, dict[str, Any]]:
        return "metrics", {"round": step, "stage": stage, "values": values}

    sheet = {"stage": "synthesis", "labels": [0, 1], "columns": 2, "tile": 16, "png": PNG}
    told = [
        ("started", STARTED),
        metrics(5, "teacher", teacher_accuracy=0.5),
        metrics(10, "teacher", teacher_accuracy=0.95),
        ("contender", contender("teacher", "teacher", 0.95, 8000)),
        ("contender", contender("oracle", "baseline", 0.9, 2000)),
        metrics(12, "synthesis", synthesis_match=0.4, teacher_confidence=0.8),
        ("image", {**sheet, "name": "batch-0", "step": 12, "caption": "batch 1 of 2"}),
        metrics(15, "student", distillation_loss=0.7, student_accuracy=0.6),
        metrics(17, "synthesis", synthesis_match=0.3, teacher_confidence=0.9),
        ("image", {**sheet, "name": "batch-1", "step": 17, "caption": "batch 2 of 2"}),
        metrics(20, "student", student_accuracy=0.85),
        ("contender", contender("student", "student", 0.85, 2000)),
        ("export", {"name": "student.int8.onnx", "contender": "student", "precision": "int8", "num_bytes": 900,
                    "accuracy": 0.84, "top1_agreement": 0.99, "max_abs_difference": 1e-6}),
        ("audit", {"sentence": "No signal.", "signals": ["pixels"], "figures": {
            "student_auc": 0.5, "student_tpr_at_0.001": 0.0, "student_tpr_at_0.01": 0.01, "pixels_auc": 0.9}}),
    ]  # fmt: skip
    return [{"seq": seq, "kind": kind, "sim_time_s": None, "body": body} for seq, (kind, body) in enumerate(told, 1)]


def tell_run(team: Team, state: str = RunState.RUNNING, *, until: int | None = None) -> Run:
    """A run of that state whose log ends after so many events; all without."""
    run = make_run(team, state, text=TEXT)
    told = frames()[:until]
    if told:
        add_batch(run, told)
    return run
