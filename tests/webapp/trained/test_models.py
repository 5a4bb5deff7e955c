"""The team's models: found among the files of runs, uploaded, used as teachers, deleted."""

from collections.abc import Callable

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from engine.core.errors import SpecError
from engine.models.model_file import read_model
from tests.webapp.people import People
from tests.webapp.rows import make_run
from tests.webapp.trained.weights import DATASET, MODEL, bare, hash_of, leave, packed, tensors
from webapp.experiments.files import drop_unused
from webapp.experiments.models import Artifact, Experiment, Run, RunState
from webapp.experiments.states import Conflict
from webapp.trained import disposal, uploading, usage
from webapp.trained.models import TrainedModel

SignIn = Callable[[str], Client]


def sent(people: People, data: bytes, **wish: object) -> TrainedModel:
    """Uploaded weights."""
    words = {"name": "Mine", "model": MODEL, "dataset": DATASET, **wish}
    asked = uploading.Wish(sha256=hash_of(data), size_bytes=len(data), **words)  # type: ignore[arg-type]
    row = uploading.announce(people.team, people["editor"], asked)
    uploading.put_part(row, people["editor"], 0, data)
    return uploading.complete(row, people["editor"])


def refused(people: People, data: bytes, **wish: object) -> dict[str, str]:
    """The problems of weights by path."""
    with pytest.raises(SpecError) as error:
        sent(people, data, **wish)
    return {problem.path: problem.message for problem in error.value.problems}


def test_files_of_runs_that_carry_a_card_are_models(people: People) -> None:
    run = make_run(people.team, RunState.DONE)
    leave(run)
    leave(run, "trace.safetensors")
    leave(run, "weights.safetensors", bare())
    (row,) = usage.models_of(people.team)
    assert (row.name, row.architecture, row.trained_on) == ("By hand, seed 0: teacher", "mlp", "digits")
    assert row.accuracy == 0.875
    assert row.facts["num_parameters"] == 64 * 4 + 4 + 4 * 10 + 10
    assert row.facts["parameter_bytes"] == 4 * row.facts["num_parameters"]
    assert usage.models_of(people.team) == [row], "looked at again, nothing is made twice"
    assert not usage.models_of(people.elsewhere)


def test_a_model_goes_and_comes_with_its_run(people: People) -> None:
    run = make_run(people.team, RunState.DONE)
    leave(run)
    (row,) = usage.models_of(people.team)
    Run.objects.filter(pk=run.pk).update(trashed_at=run.created_at)
    assert not TrainedModel.objects.exists()
    Run.everything.filter(pk=run.pk).update(trashed_at=None)
    assert TrainedModel.objects.get() == row
    Artifact.objects.all().delete()
    assert not TrainedModel.everything.exists()


def test_uploaded_weights_are_kept_with_a_card(people: People) -> None:
    row = sent(people, bare())
    assert row.sha256 != row.sent_sha256
    card, weights = read_model(row.file)
    assert (card.model, card.dataset, card.accuracy) == (MODEL, DATASET, None)
    for name, value in tensors().items():
        assert np.array_equal(weights[name], value), name
    assert usage.is_of(people.team, row.sha256)
    assert not usage.is_of(people.elsewhere, row.sha256)


def test_a_file_of_this_platform_says_itself_what_it_holds(people: People) -> None:
    row = sent(people, packed(), model=None, dataset=None)
    assert (row.architecture, row.accuracy) == ("mlp", 0.875)
    assert row.sha256 == hash_of(packed())
    assert refused(people, bare(), model=None, dataset=None).keys() == {"model"}


def test_all_that_is_wrong_with_weights_is_said_at_once(people: People) -> None:
    nan = np.full((4, 64), np.nan, dtype=np.float32)
    wrong = bare(fc1__weight=nan, fc1__bias=None, extra=np.zeros(3, dtype=np.float32))
    names = " ".join(map(" ".join, refused(people, wrong).items()))
    for word in ("fc1.weight", "fc1.bias", "extra"):
        assert word in names, names
    assert not TrainedModel.everything.exists(), "nothing of it was kept"


@pytest.mark.parametrize("data", [b"\x80\x02}q\x00.", b"PK\x03\x04 torch"])
def test_pickles_are_refused_with_how_to_convert(people: People, data: bytes) -> None:
    problems = refused(people, data)
    assert "save_file" in problems["file"]


def test_what_is_announced_is_checked_before_anything_is_sent(people: People) -> None:
    problems = refused(people, b"x", name=" ", model={"kind": "lenet5", "hidden": 3}, dataset={"kind": "nothing"})
    assert {"name", "model.hidden", "dataset.kind"} <= problems.keys()
    assert "dataset" in refused(people, b"x", dataset=None)
    assert "model" in refused(people, b"x", model={"kind": "gru"}), "it takes sequences, not images"


def test_only_models_of_the_team_can_be_teachers(people: People) -> None:
    from engine.datafree.teachers.artifact import ArtifactTeacher
    from engine.datafree.teachers.file import FileTeacher

    row = sent(people, bare())
    mine, other = ArtifactTeacher(sha256=row.sha256), ArtifactTeacher(sha256="0" * 64)
    assert not usage.foreign_part("task.teacher", mine, people.team)
    (foreign,) = usage.foreign_part("task.teacher", mine, people.elsewhere)
    (unknown,) = usage.foreign_part("task.teacher", other, people.team)
    assert (foreign.path, foreign.code, unknown.code) == ("task.teacher.sha256", "unknown_model", "unknown_model")
    (headless,) = usage.foreign_part("task.teacher", FileTeacher(path="/etc/passwd"), people.team)
    assert (headless.code, "/etc" in headless.message) == ("headless_only", False)
    disposal.discard(row, people["editor"])
    (lost,) = usage.foreign_part("task.teacher", mine, people.team)
    assert lost.code == "model_in_trash"


def test_deleting_keeps_what_experiments_learn_from(people: People) -> None:
    row = sent(people, bare())
    run = make_run(people.team)
    Experiment.objects.filter(pk=run.cell.experiment.pk).update(text=f"teacher: {row.sha256}")
    disposal.discard(row, people["editor"])
    assert [one.pk for one in usage.models_in_trash(people.team, row.sha256)] == [row.pk]
    with pytest.raises(Conflict, match="By hand"):
        disposal.purge(row, people["editor"])
    assert drop_unused([row.sha256]) == 0
    Experiment.objects.all().delete()
    disposal.purge(row, people["editor"])
    assert not TrainedModel.everything.exists()


def test_a_run_s_model_cannot_be_deleted_by_itself(people: People) -> None:
    leave(make_run(people.team, RunState.DONE))
    (row,) = usage.models_of(people.team)
    with pytest.raises(Conflict, match="stays as long as the run"):
        disposal.discard(row, people["editor"])


def test_pages_show_models_and_take_weights(people: People, client_of: SignIn) -> None:
    client = client_of("editor")
    assert "No models yet" in client.get("/models/").content.decode()
    leave(make_run(people.team, RunState.DONE))
    page = client.get("/models/").content.decode()
    assert "By hand, seed 0: teacher" in page
    assert "87.5" in page
    chosen = {"model@kind": "mlp", "model:mlp.hidden": "4", "dataset@kind": "digits", "name": "Taken"}
    answer = client.post("/models/new", {**chosen, "file": SimpleUploadedFile("w.safetensors", bare(1))})
    assert answer.status_code == 302, answer.content.decode()
    detail = client.get(answer["Location"]).content.decode()
    assert "Use as teacher" in detail
    assert "not measured here" in detail
    row = TrainedModel.objects.get(name="Taken")
    stream = client.get(f"/models/{row.pk}/file")
    assert hash_of(b"".join(stream.streaming_content)) == row.sha256  # type: ignore[attr-defined]
    assert client.post(f"/models/{row.pk}/delete").status_code == 302
    assert "Taken" in client.get("/trash/").content.decode()


def test_problems_of_an_upload_stand_at_their_fields(people: People, client_of: SignIn) -> None:
    client = client_of("editor")
    chosen = {"model@kind": "mlp", "model:mlp.hidden": "4", "dataset@kind": "digits", "name": "W"}
    for name, data, word in (("w.pt", b"x", "save_file"), ("w.safetensors", bare(fc1__bias=None), "fc1.bias")):
        answer = client.post("/models/new", {**chosen, "file": SimpleUploadedFile(name, data)})
        assert answer.status_code == 422
        page = answer.content.decode()
        assert word in page[page.index('id="file-problems"') :], name
        assert 'value="W"' in page, "nothing typed is lost"
    nothing = client.post("/models/new", {"model@kind": "mlp", "model:mlp.hidden": "x"}).content.decode()
    for place in ("name-problems", "file-problems"):
        assert place in nothing, place


def test_the_form_shows_the_fields_of_the_chosen_architecture(people: People, client_of: SignIn) -> None:
    page = (
        client_of("editor").post("/models/new", {"_edit": "change", "model@kind": "mlp", "name": "W"}).content.decode()
    )
    assert 'name="model:mlp.hidden"' in page
