"""A process that is killed while it makes images goes on with the same command, and ends with the same bits."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main

SPEC = """
fleet: {groups: [{count: 2}]}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [32]}, training: {epochs: 2, batch_size: 32}}
  student: {kind: mlp, hidden: [8]}
  metadata: {kind: activation_clusters, num_clusters: 1, num_components: 2, share: 1}
  synthesizer: %s
  num_images: 80
  distillation: {steps: 20, batch_size: 16}
  export: {formats: []}
"""

SYNTHESIZERS = {
    "pixels": "{kind: dream_distillation, steps: 500, batch_size: 40}",
    "interleaved": "{kind: fast_dfkd, steps: 300, batch_size: 40, generator: {channels: 8, latent_size: 20}}",
}
"""One that moves pixels before the student learns, and a generator that learns in turn with the student."""

FILES = ("student.safetensors", "teacher.safetensors", "images.npz", "images.png", "metadata.safetensors")


def begin(folder: Path) -> "subprocess.Popen[bytes]":
    """The run in a process of its own, with a checkpoint after every chunk of steps."""
    words = ["run", str(folder / "spec.yaml"), "--out", str(folder / "out"), "--set", "execution.checkpoint_s=0"]
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def is_within_a_batch(out: Path) -> bool:
    """Whether the latest checkpoint was taken in the middle of a batch, as the working pixels in it show."""
    place = out / "checkpoint" / "latest.json"
    try:
        manifest = json.loads((out / "checkpoint" / json.loads(place.read_bytes())["pointer"]).read_bytes())
    except FileNotFoundError:
        return False  # none yet, or just replaced by the next one
    values = manifest["values"]
    return bool(values["at"] and "oracle" in values["contenders"] and "student" not in values["contenders"])


def outcome(out: Path) -> dict[str, Any]:
    """The result without what differs from run to run: how long it took on this host."""
    result = json.loads((out / "result.json").read_bytes())
    return {name: value for name, value in result.items() if name != "wall_s"}


@pytest.mark.slow
@pytest.mark.parametrize("synthesizer", SYNTHESIZERS)
def test_killed_in_mid_synthesis_it_ends_with_the_same_bits(tmp_path: Path, synthesizer: str) -> None:
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.yaml").write_text(SPEC % SYNTHESIZERS[synthesizer])
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = begin(killed)
    deadline = time.monotonic() + 300
    while not is_within_a_batch(killed / "out"):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL
    assert not (killed / "out" / "result.json").exists()
    assert begin(killed).wait(timeout=300) == 0
    assert main(["run", str(whole / "spec.yaml"), "--out", str(whole / "out")]) == 0
    for file in ("events.jsonl", "metrics.csv", "ledger.csv", *(f"artifacts/{name}" for name in FILES)):
        assert (killed / "out" / file).read_bytes() == (whole / "out" / file).read_bytes(), file
    assert outcome(killed / "out") == outcome(whole / "out")
