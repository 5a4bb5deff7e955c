"""A data-free deployment as a task: who reads what, equal budgets, the table, teachers from files, refusals."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from engine.core.errors import SpecError
from engine.core.events import Event
from engine.data.dataset import Split
from engine.datafree.agenda import agenda_of
from engine.datafree.contenders import Measured
from engine.datafree.images.pools import bank_of, forget_pool, noise_pool, some_of_bank
from engine.datafree.published import TABLE, published_of
from engine.datafree.stages.training import Train, TrainingDiverged
from engine.datafree.task import Datafree
from engine.datafree.world import World
from engine.models.model_file import read_model
from engine.runs.context import make_context
from engine.runs.loop import Outcome, run
from engine.runs.sinks import MemorySink
from engine.specs.families import FAMILIES
from engine.specs.text import parse
from engine.task.artifacts import ArtifactFolder

SPEC = """
fleet: {groups: [{name: boards, count: 2}, {name: sensors, device: stm32f746, count: 2}]}
network: {links: {sensors: ble5_2m}}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [48]}, training: {epochs: 12, batch_size: 32}}
  student: {kind: mlp, hidden: [24]}
  metadata: {kind: activation_clusters, num_clusters: 2, num_components: 3, share: 1}
  synthesizer: {kind: dream_distillation, steps: 40, batch_size: 100}
  num_images: 250
  distillation: {steps: 150, batch_size: 32}
  quantizer: {kind: squant}
  export: {formats: [safetensors]}
"""


def carried_out(*settings: str, **world: Any) -> tuple[Outcome, list[Event]]:
    """A run of the small spec."""
    spec, sink = parse(SPEC, settings=list(settings)), MemorySink()
    return run(spec, 0, context=make_context(spec, 0, **world), sink=sink), sink.events


@pytest.fixture(scope="module")
def whole() -> tuple[Outcome, list[Event]]:
    """One run for all that look at what came of it."""
    return carried_out()


def rows(events: list[Event]) -> dict[str, dict[str, Any]]:
    """The table of contenders."""
    return {event.body["name"]: event.body for event in events if event.kind == "contender"}


@pytest.mark.slow
def test_the_table_has_everybody_in_the_announced_order(whole: tuple[Outcome, list[Event]]) -> None:
    facts, table = whole[1][0].body, rows(whole[1])
    assert {row["name"] for row in facts["contenders"]} == set(table)
    assert set(table) == {"teacher", "oracle", "student", "quantized", "real_distillation", "noise"}
    assert facts["final"] == "quantized"
    for row in table.values():
        assert len(row["recall"]) == 10
        assert np.mean(row["recall"]) == pytest.approx(row["accuracy"], abs=0.01)  # digits are balanced
        assert [each["group"] for each in row["devices"]] == ["boards", "sensors"]
    assert table["teacher"]["agreement"] == 1.0
    assert table["teacher"]["accuracy"] > 0.95
    for name in ("student", "noise"):
        assert table["real_distillation"]["accuracy"] > table[name]["accuracy"] > 0.5
    assert table["quantized"]["accuracy"] == pytest.approx(table["student"]["accuracy"], abs=0.02)


def test_every_contender_takes_the_same_steps(whole: tuple[Outcome, list[Event]]) -> None:
    stages = {stage["name"]: stage["num_steps"] for stage in whole[1][0].body["stages"]}
    looks = {stages[name] - 150 for name in ("student", "oracle", "real_distillation", "noise")}
    assert looks == {1}  # 359 test samples are one step of measuring
    assert sum(stages.values()) == whole[0].state.values["total"] == whole[0].state.values["done"]
    last = [event.body["round"] for event in whole[1] if event.kind == "metrics"]
    assert last == sorted(last)
    assert last[-1] == sum(stages.values())


def test_interleaved_images_spread_the_same_steps_over_their_batches() -> None:
    spec = parse(SPEC, settings=["task.synthesizer={kind: dafl, batch_size: 100}", "task.metadata={kind: none}"])
    assert isinstance(spec.task, Datafree)
    jobs = agenda_of(World(spec.task, make_context(spec, 0))).jobs
    trained = [(job.num_steps, job.num_batches) for job in jobs if isinstance(job, Train) and job.num_batches]
    assert trained == [(50, 1), (50, 2), (50, 3)]


@pytest.mark.slow
def test_private_samples_are_read_by_those_who_may_only(monkeypatch: pytest.MonkeyPatch) -> None:
    readers: set[str] = set()
    spec = parse(SPEC)
    context, task = make_context(spec, 0), spec.task
    assert isinstance(task, Datafree)
    private = task.dataset.load(context.store, "train")
    now = {"stage": ""}

    def watched(world: World) -> Split:
        readers.add(now["stage"])
        return private

    monkeypatch.setattr(World, "train", property(watched))
    state = task.init(context)
    jobs = agenda_of(World(task, context)).jobs
    while not task.is_done(state):
        now["stage"] = jobs[int(str(state.values["job"]))].stage
        state, _ = task.step(context, state)
    assert readers == {"teacher", "metadata", "oracle", "real_distillation"}


def test_images_are_not_kept_longer_than_they_are_learned_from(whole: tuple[Outcome, list[Event]]) -> None:
    spec = parse(SPEC)
    task = spec.task
    assert isinstance(task, Datafree)
    world, state = World(task, make_context(spec, 0)), whole[0].state
    images, _ = bank_of(world, state, world.num_batches)
    assert np.array_equal(some_of_bank(state, world.num_batches, 7), images[[row * 300 // 7 for row in range(7)]])
    assert np.array_equal(some_of_bank(state, world.num_batches, 1000), images)
    assert noise_pool(world) is noise_pool(world)
    before = set(world.memory)
    for contender in ("student", "noise", "teacher"):
        forget_pool(world, contender)
    assert before - set(world.memory) == before, "bank and noise"


def test_what_is_measured_is_what_it_says() -> None:
    labels, teacher = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    found = Measured.of(np.array([0, 1, 1, 0, 0]), labels, teacher, 0.5, num_classes=3)
    # Right are the first and third; with the teacher agree all but the fourth.
    assert found == Measured(accuracy=0.4, loss=0.5, recall=(0.5, pytest.approx(1 / 3), None), agreement=0.8)


def test_papers_stand_beside_their_own_data_only() -> None:
    cifar = parse(SPEC, settings=["task.dataset={kind: cifar10}"]).task
    assert isinstance(cifar, Datafree)
    assert [figure.value for figure in published_of(cifar)] == [0.885]
    assert set(TABLE) <= set(FAMILIES["synthesizers"].members())
    digits = parse(SPEC).task
    assert isinstance(digits, Datafree)
    assert published_of(digits) == ()


def test_what_is_shipped_is_what_was_foreseen(whole: tuple[Outcome, list[Event]]) -> None:
    # 64x24 + 24x10 weights of a byte, a scale of 4 bytes for each of 34 outputs, and as many biases of 4 bytes.
    assert whole[0].summary is not None
    assert whole[0].summary.costs["bytes_down"] == 4 * (64 * 24 + 24 * 10 + 2 * 4 * 34)
    phases = {row["phase"] for event in whole[1] if event.kind == "ledger" for row in event.body["rows"]}
    assert {"download", "inference"} <= phases


def test_files_come_with_the_result(whole: tuple[Outcome, list[Event]], tmp_path: Path) -> None:
    assert whole[0].summary is not None
    files = whole[0].summary.artifacts
    assert set(files) == {
        "teacher.safetensors", "student.safetensors", "student.int8.onnx", "metadata.safetensors", "images.npz",
        "images.png",
    }  # fmt: skip
    place = tmp_path / "images.npz"
    place.write_bytes(files["images.npz"])
    images = np.load(place)
    assert images["images"].shape == (300, 1, 8, 8)
    assert np.bincount(images["labels"]).tolist() == [30] * 10
    assert len(metadata_of(whole[1])) > 0
    exported = {event.body["name"]: event.body for event in whole[1] if event.kind == "export"}
    assert exported["student.int8.onnx"]["accuracy"] == rows(whole[1])["quantized"]["accuracy"]
    assert exported["student.safetensors"]["max_abs_difference"] == 0.0


def metadata_of(events: list[Event]) -> str:
    """What is said of the metadata's leaks."""
    return str(events[0].body["metadata"]["leaks"])


def test_a_teacher_that_diverged_is_told_at_once() -> None:
    extreme = {"lr": 100, "momentum": 0.99, "warm_up": 0, "weight_decay": 1}
    settings = [f"task.teacher.training.{name}={value}" for name, value in extreme.items()]
    with pytest.raises(TrainingDiverged, match="training of the teacher diverged") as caught:
        carried_out(*settings)
    assert "task.teacher.training.lr smaller" in caught.value.remedy


def test_activations_that_stay_floats_need_the_memory_of_floats() -> None:
    settings = ["task.student=null", "task.synthesizer=null", "task.teacher.training.epochs=1"]
    _, events = carried_out(*settings, "task.quantizer={kind: squant, activation_bits: 32}")
    table = rows(events)
    assert table["quantized"]["peak_memory_bytes"] == table["teacher"]["peak_memory_bytes"]
    assert table["quantized"]["precision"] == "int8"
    own = table["quantized"]["devices"][1]
    assert own["latency_s"] == table["teacher"]["devices"][1]["latency_s"]


@pytest.mark.slow
def test_the_first_batch_is_shown_in_the_making(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.task.pace.MOST_STEPS", 10)
    _, events = carried_out("task.quantizer=null", "task.distillation.steps=2", "task.export.formats=[]")
    shown = [event.body for event in events if event.kind == "image"]
    assert [body["name"] for body in shown] == ["batch-0"] * 4 + ["batch-1", "batch-2"]
    assert shown[0]["caption"] == "batch 1 of 3 after 10 of 40 steps"
    assert len({str(body["png"]) for body in shown}) == len(shown)


def test_an_onnx_file_says_how_pixels_become_its_input(whole: tuple[Outcome, list[Event]]) -> None:
    assert whole[0].summary is not None
    model = onnx.load_from_string(whole[0].summary.artifacts["student.int8.onnx"])
    told = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert {"mean", "std", "largest", "classes", "sample"} <= set(told)
    pixels = FAMILIES["datasets"].members()["digits"]().pixels()
    assert (told["mean"], told["std"], told["largest"]) == ([*pixels.mean], [*pixels.std], 16)
    assert told["classes"] == [str(digit) for digit in range(10)]


@pytest.mark.parametrize("form", ["artifact", "file"])
def test_a_trained_model_is_a_teacher_for_others(
    whole: tuple[Outcome, list[Event]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    assert whole[0].summary is not None
    content = whole[0].summary.artifacts["teacher.safetensors"]
    digest = hashlib.sha256(content).hexdigest()
    place = tmp_path / "artifacts" / digest
    place.parent.mkdir()
    place.write_bytes(content)
    named = {"artifact": f"{{kind: artifact, sha256: {digest}}}", "file": f"{{kind: file, path: {place}}}"}
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))
    alone = ("task.student=null", "task.quantizer=null", "task.synthesizer=null")
    spec, sink = parse(SPEC, settings=[*alone, f"task.teacher={named[form]}"]), MemorySink()
    context = make_context(spec, 0, artifacts=ArtifactFolder(place.parent))
    assert spec.task.check(context) == []
    run(spec, 0, context=context, sink=sink)
    assert rows(sink.events)["teacher"]["accuracy"] == rows(whole[1])["teacher"]["accuracy"]
    _, weights = read_model(place)
    assert set(weights) == {"fc1.weight", "fc1.bias", "head.weight", "head.bias"}


@pytest.mark.parametrize(
    ("settings", "path", "words"),
    [
        (["task.dataset={kind: synthetic}"], "task.dataset", "must hold images"),
        (["task.synthesizer=null"], "task.synthesizer", "a student needs a synthesizer"),
        (["task.synthesizer={kind: deep_inversion}"], "task.synthesizer", "BatchNorm"),
        (["task.metadata={kind: none}"], "task.synthesizer", "activation_clusters"),
        (["task.student={kind: resnet8}", "task.distiller={kind: attention}"], "task.distiller", ""),
        (["task.student=null", "task.synthesizer={kind: dafl}"], "task.synthesizer", "needs one"),
        (["task.teacher={kind: artifact, sha256: " + "a" * 64 + "}"], "task.teacher.sha256", "no artifact"),
        (["task.teacher={kind: file, path: nowhere}"], "task.teacher.path", "no file"),
        (["task.teacher={kind: file, path: " + "a" * 4000 + "}"], "task.teacher.path", "too long"),
        (["task.export.formats=[onnx, onnx]"], "task.export.formats", "once"),
        (["task.audit={}", "task.student=null", "task.synthesizer=null"], "task.audit", "needs a synthesizer"),
        (["task.baselines.out_of_domain={kind: synthetic}"], "task.baselines.out_of_domain", "images"),
        (["task.dataset={kind: spoken_digits}"], "task.dataset", "no pictures"),
        (["task.synthesizer.batch_size=1", "task.num_images=1000000"], "task.num_images", "larger batches"),
        (
            ["task.synthesizer={kind: out_of_domain, dataset: {kind: image_folder, sha256: " + "a" * 64 + "}}"],
            "task.synthesizer.dataset",
            "no upload",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(settings: list[str], path: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(SPEC, settings=settings)
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert any(place.startswith(path) and words in message for place, message in found.items()), found


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse(
            SPEC, settings=["task.synthesizer=null", "task.export.formats=[onnx, onnx]", "task.student={kind: lenet5}"]
        )
    assert {problem.path for problem in caught.value.problems} >= {"task.synthesizer", "task.export.formats"}
