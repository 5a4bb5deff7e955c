"""Metadata that was handed out begins a run of somebody who has it and the teacher, and nothing else."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import SpecError
from engine.data.dataset import Split
from engine.datafree.metadata_kinds.file import FileMetadata
from engine.datafree.owner.metadata_file import MetadataError, MetadataFile, pack, settings_of, unpack
from engine.datafree.world import World
from engine.models.model_file import pack as pack_model
from engine.models.model_file import read_model
from engine.runs.context import make_context
from engine.runs.loop import run
from engine.runs.sinks import MemorySink
from engine.specs.text import digest, parse
from engine.task.artifacts import ArtifactFolder
from tests.engine.datafree.test_task import SPEC

SMALL = (
    "task.baselines={oracle: false, real_distillation: false, noise: false}", "task.quantizer=null",
    "task.synthesizer.steps=5", "task.distillation.steps=10", "task.num_images=150",
)  # fmt: skip
PARTS = ("teacher", "metadata")


@dataclass(frozen=True)
class HandedOut:
    """What an owner's run left, and a folder with the files that are handed out, by name and by hash."""

    files: dict[str, bytes]
    home: Path

    @property
    def file(self) -> MetadataFile:
        return unpack(self.files["metadata.safetensors"])

    def place(self, part: str) -> Path:
        return self.home / f"{part}.safetensors"

    def named(self, part: str, form: str = "file") -> str:
        """The setting by which a third party names a part."""
        sha256 = hashlib.sha256(self.files[f"{part}.safetensors"]).hexdigest()
        forms = {"file": f"path: {self.place(part)}", "artifact": f"sha256: {sha256}"}
        return f"task.{part}={{kind: {form}, {forms[form]}}}"


def carried_out(*settings: str, home: Path) -> dict[str, bytes]:
    """The files of a small run."""
    spec = parse(SPEC, settings=[*SMALL, *settings])
    done = run(spec, 0, context=make_context(spec, 0, artifacts=ArtifactFolder(home / "artifacts")), sink=MemorySink())
    assert done.summary is not None
    return dict(done.summary.artifacts)


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> HandedOut:
    """An owner who collects metadata and hands it out with the teacher."""
    home = tmp_path_factory.mktemp("handed-out")
    found = carried_out(home=home)
    (home / "artifacts").mkdir()
    for part in PARTS:
        content = found[f"{part}.safetensors"]
        (home / f"{part}.safetensors").write_bytes(content)
        (home / "artifacts" / hashlib.sha256(content).hexdigest()).write_bytes(content)
    return HandedOut(found, home)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["file", "artifact"])
def test_a_third_party_makes_the_same_images(owner: HandedOut, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setenv("EDGELOOM_HOME", str(owner.home))

    def no_private_samples(world: World) -> Split:
        raise AssertionError("private samples were read")

    monkeypatch.setattr(World, "train", property(no_private_samples))
    found = carried_out(*(owner.named(part, form) for part in PARTS), home=owner.home)
    for name in ("images.npz", "metadata.safetensors"):
        assert found[name] == owner.files[name], name
    _, ours = read_model_of(found, owner.home)
    _, theirs = read_model_of(owner.files, owner.home)
    assert {name: array.tobytes() for name, array in ours.items()} == {
        name: array.tobytes() for name, array in theirs.items()
    }


def read_model_of(files: dict[str, bytes], folder: Path) -> Any:
    """Card and weights of the student."""
    place = folder / "student.safetensors"
    place.write_bytes(files["student.safetensors"])
    return read_model(place)


def test_facts_tell_how_it_was_collected(owner: HandedOut) -> None:
    spec = parse(SPEC, settings=[*SMALL, *map(owner.named, PARTS)])
    told: Any = spec.task.facts(make_context(spec, 0))["metadata"]
    assert (told["kind"], told["is_read"]) == ("activation_clusters", True)
    assert told["num_bytes"] == len(owner.files["metadata.safetensors"])
    assert told["guarantee"] == "no formal guarantee"


def refused(*settings: str) -> dict[str, str]:
    """Messages by place."""
    with pytest.raises(SpecError) as caught:
        parse(SPEC, settings=[*SMALL, *settings])
    found: dict[str, str] = {}
    for problem in caught.value.problems:
        found[problem.path] = f"{found.get(problem.path, '')} {problem.message}"
    return found


def test_what_does_not_fit_is_told_in_one_message(owner: HandedOut, tmp_path: Path) -> None:
    teacher, place = owner.named("teacher"), tmp_path / "other.safetensors"
    here = f"task.metadata={{kind: file, path: {place}}}"
    fewer = {name: array for name, array in owner.file.tensors.items() if name != "sizes"}
    place.write_bytes(pack(replace(owner.file, teacher="0" * 64, tensors=fewer)))
    told = refused(teacher, here)["task.metadata.path"]
    assert "not those of such a teacher: sizes" in told
    assert "collected with the weights 0000000000000000" in told
    sample = owner.file.sample.model_copy(update={"num_classes": 7})
    place.write_bytes(pack(replace(owner.file, sample=sample)))
    assert "7 classes; the teacher takes" in refused(teacher, here)["task.metadata.path"]
    place.write_bytes(owner.files["teacher.safetensors"])
    assert "no file of metadata" in refused(teacher, here)["task.metadata.path"]
    place.write_bytes(owner.files["metadata.safetensors"].replace(b'version\\": 1', b'version\\": 7'))
    assert "version 1 is read" in refused(teacher, here)["task.metadata.path"]


@pytest.mark.parametrize(
    ("metadata", "path", "words"),
    [
        ("{kind: file, path: nowhere}", "task.metadata.path", "no file"),
        ("{kind: file, path: " + "a" * 4000 + "}", "task.metadata.path", "too long"),
        ("{kind: artifact, sha256: " + "a" * 64 + "}", "task.metadata.sha256", "no artifact"),
    ],
)
def test_a_file_that_is_not_there_is_told(owner: HandedOut, metadata: str, path: str, words: str) -> None:
    assert words in refused(owner.named("teacher"), f"task.metadata={metadata}")[path]


def test_a_teacher_of_the_run_has_other_weights(owner: HandedOut) -> None:
    assert "trained in the run has others" in refused(owner.named("metadata"))["task.metadata.path"]


def test_the_synthesizer_asks_how_the_file_was_collected(owner: HandedOut) -> None:
    told = refused(*map(owner.named, PARTS), "task.synthesizer={kind: deep_inversion}")
    assert "the kind chosen is activation_clusters" in told["task.synthesizer"]


def test_a_file_is_looked_at_again_when_it_is_read(owner: HandedOut, tmp_path: Path) -> None:
    file, place = owner.file, tmp_path / "m.safetensors"
    card, _ = read_model(owner.place("teacher"))
    artifacts = ArtifactFolder(tmp_path)

    def read(teacher: str = file.teacher, **arrays: np.ndarray) -> MetadataFile:
        place.write_bytes(pack(replace(file, tensors={**file.tensors, **arrays})))
        return FileMetadata(path=str(place)).read(artifacts, card.graph, teacher)

    assert read().settings == file.settings
    with pytest.raises(MetadataError, match="collected with the weights"):
        read("1" * 64)
    with pytest.raises(MetadataError, match="each of the 10 classes"):
        read(labels=np.full_like(file.tensors["labels"], 99))
    with pytest.raises(MetadataError, match="negative"):
        read(sizes=-file.tensors["sizes"])
    with pytest.raises(MetadataError, match="such a teacher: labels"):
        read(labels=file.tensors["labels"][:3])


def test_a_header_that_names_a_file_is_refused() -> None:
    with pytest.raises(MetadataError, match="instead of being one"):
        settings_of({"kind": "file", "path": "/etc/passwd"})
    with pytest.raises(MetadataError, match="unknown way"):
        settings_of({"kind": "activation_clusters", "num_clusters": -1})


def test_another_file_at_the_same_path_is_another_experiment(owner: HandedOut, tmp_path: Path) -> None:
    place, found = tmp_path / "m.safetensors", []
    for delta in (0.0, 1.0):
        centers = owner.file.tensors["centers"] + np.float32(delta)
        place.write_bytes(pack(replace(owner.file, tensors={**owner.file.tensors, "centers": centers})))
        named = f"task.metadata={{kind: file, path: {place}}}"
        found.append(digest(parse(SPEC, settings=[*SMALL, owner.named("teacher"), named])))
    card, weights = read_model(owner.place("teacher"))
    alone = ("task.metadata={kind: none}", "task.synthesizer=null", "task.student=null")
    for delta in (0.0, 1.0):
        place.write_bytes(pack_model({**weights, "head.bias": weights["head.bias"] + np.float32(delta)}, card))
        found.append(digest(parse(SPEC, settings=[*SMALL, *alone, f"task.teacher={{kind: file, path: {place}}}"])))
    assert len(set(found)) == 4
