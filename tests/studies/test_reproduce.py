"""Studies run in legs, are recorded run by run, and their pages name what is missing."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.reproduce import study as studies
from benchmarks.reproduce.__main__ import names, study_of
from benchmarks.reproduce.legs import pausing_after, run_cell
from benchmarks.reproduce.study import Recorded, Study
from benchmarks.reproduce.tables import difference, mean_of, rounds_to
from engine.data.store import DataStore
from engine.runs.control import Control
from engine.specs.text import parse

SPEC = """\
seeds: [0, 1]
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 6}]}
task:
  kind: federated
  dataset: {kind: digits}
  model: {kind: mlp, hidden: [8]}
  sampler: {kind: uniform, num_clients: 2}
  rounds: 2
sweep: {task.strategy: [{kind: fedavg}, {kind: fedmax}]}
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of two methods and two seeds, kept apart from the real ones."""
    monkeypatch.setattr(studies, "RESULTS", tmp_path / "results")
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path / "home"))
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC)

    def render(done: Sequence[Recorded]) -> Iterator[str]:
        yield f"{len(done)} runs"

    return Study("tiny", "A tiny study", (path,), render)


def test_first_seeds_come_first(small: Study) -> None:
    assert [cell.name for cell in small.cells()] == [
        "tiny-strategy-fedavg-0", "tiny-strategy-fedmax-0", "tiny-strategy-fedavg-1", "tiny-strategy-fedmax-1",
    ]  # fmt: skip


def test_a_run_is_recorded_once_and_the_page_names_the_rest(small: Study) -> None:
    first, *others = small.cells()
    assert run_cell(first, Control(), DataStore.from_environment())
    record = first.recorded()
    assert record is not None
    assert record["series"]["round"] == [1, 2]
    assert record["series"]["accuracy"][-1] == pytest.approx(record["metrics"]["accuracy"], rel=1e-6)
    assert record["made_by"]["packages"]["torch"]
    text = small.text()
    assert "1 of 4 runs" in text
    assert all(f"- {cell.title}" in text for cell in others)
    assert f"- {first.title}" not in text


def test_what_was_recorded_of_another_spec_counts_as_missing(small: Study) -> None:
    cell = small.cells()[0]
    assert run_cell(cell, Control(), DataStore.from_environment())
    small.specs[0].write_text(SPEC.replace("rounds: 2", "rounds: 3"))
    assert small.cells()[0].recorded() is None


def test_a_leg_that_is_over_halts_and_the_next_goes_on(small: Study) -> None:
    cell, halted = small.cells()[0], Control()
    halted.pause()
    assert not run_cell(cell, halted, DataStore.from_environment())
    assert cell.recorded() is None
    assert run_cell(cell, Control(), DataStore.from_environment())


def test_runs_take_the_teacher_of_another(small: Study, tmp_path: Path) -> None:
    common = "fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 1}]}\n"
    task = "task: {kind: datafree, dataset: {kind: digits}, baselines: {oracle: false, real_distillation: false}"
    training = "teacher: {kind: train, model: {kind: mlp, hidden: [8]}, training: {epochs: 1}}"
    teacher, taught = tmp_path / "teacher.yaml", tmp_path / "taught.yaml"
    teacher.write_text(f"{common}{task}, {training}, export: {{formats: [safetensors]}}}}\n")
    taught.write_text(
        f"{common}{task}, student: {{kind: mlp, hidden: [4]}}, synthesizer: {{kind: noise, batch_size: 8}}, "
        "num_images: 8, distillation: {steps: 1, batch_size: 8}, export: {formats: []}}\n"
    )
    study = Study("tiny", "Taught", (teacher, taught), small.render, taught=(taught,))
    first, second = study.cells()
    assert second.runnable() is None
    assert not run_cell(second, Control(), DataStore.from_environment())
    assert run_cell(first, Control(), DataStore.from_environment())
    assert run_cell(second, Control(), DataStore.from_environment())
    made, given = first.recorded(), second.recorded()
    assert made is not None
    assert given is not None
    assert given["baselines"]["teacher"]["accuracy"] == made["metrics"]["accuracy"]
    key = second.key
    teacher.write_text(teacher.read_text().replace("epochs: 1", "epochs: 2"))
    assert study.cells()[1].key != key


def test_no_time_limit_never_pauses() -> None:
    assert not pausing_after(0).should_pause()


def recorded(seed: int, accuracy: list[float]) -> Recorded:
    series = {"round": [3, 6], "accuracy": accuracy, "bytes_up": [10.0, 20.0], "bytes_down": [5.0, 10.0]}
    return {"seed": seed, "metrics": {"accuracy": accuracy[-1]}, "series": series}


def test_tables() -> None:
    """Means, intervals and paired differences by hand: values 1 and 3 have the deviation sqrt(2), t(1) is 12.706."""
    usual = [recorded(0, [0.1, 0.4]), recorded(1, [0.1, 0.6])]
    better = [recorded(0, [0.3, 0.5]), recorded(1, [0.1, 0.9])]
    assert mean_of(usual, "accuracy", 100, "%") == "50 ± 1.3e+02 %"
    assert difference(better, usual, "accuracy", 100) == "+20 ± 1.3e+02"
    assert difference(usual, usual, "accuracy") == ""
    assert mean_of(usual, "divergence") == ""
    found = rounds_to(better[0], 0.3)
    assert found is not None
    assert (found.round, found.bytes_up + found.bytes_down) == (3, 15)
    assert rounds_to(usual[0], 0.5) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_every_study_can_be_run_and_its_page_is_current(name: str) -> None:
    study = study_of(name)
    for path in study.specs:
        spec = parse(path.read_bytes())
        is_teacher = bool(study.taught) and path == study.specs[0]
        assert len(spec.seeds) >= 3 or is_teacher, "fewer seeds say nothing"
    assert len({cell.name for cell in study.cells()}) == len(study.cells())
    assert study.page.read_text(encoding="utf-8") == study.text(), f"run ./edgeloom reproduce {name} --write"
    for cell in study.cells():
        record = cell.recorded()
        if record is not None:
            assert json.loads(cell.path.read_bytes())["seed"] == cell.seed
