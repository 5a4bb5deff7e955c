"""The card "What if?" on the page of a run."""

from collections.abc import Callable

import pytest
from django.test import Client

from engine.federated.samplers.uniform import Uniform
from tests.webapp.finished import finish
from tests.webapp.people import People
from tests.webapp.rows import make_run
from webapp.experiments.models import RunState
from webapp.library.models import Network
from webapp.recosting.memory import Memory

SignIn = Callable[[str], Client]


def test_a_finished_run_has_sliders_for_every_viewer(client_of: SignIn, people: People) -> None:
    run = make_run(people.team)
    finish(run)
    Network.objects.create(team=people.team, name="Faster ones", body={})
    Network.objects.create(team=people.elsewhere, name="Of others", body={})
    html = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert 'id="what-if-form"' in html
    assert "boards, 6 × Raspberry Pi 4" in html
    assert "Faster ones" in html
    assert "Of others" not in html
    assert "Save as network" not in html
    assert "Save as network" in client_of("editor").get(f"/runs/{run.pk}/").content.decode()


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.FAILED])
def test_before_a_run_is_done_the_card_says_what_it_will_do(client_of: SignIn, people: People, state: str) -> None:
    run = make_run(people.team, state)
    html = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert "Once this run is done" in html
    assert f'hx-get="/runs/{run.pk}/what-if"' in html
    finish(run)
    part = client_of("viewer").get(f"/runs/{run.pk}/what-if").content.decode()
    assert 'id="what-if-form"' in part
    assert client_of("stranger").get(f"/runs/{run.pk}/what-if").status_code == 404


def test_what_cannot_be_costed_again_says_why(
    client_of: SignIn, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(people.team)
    finish(run)
    monkeypatch.setattr(Uniform, "reads_costs", True)
    html = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert "cannot be costed elsewhere" in html
    assert "task.sampler" in html
    assert 'id="what-if-form"' not in html
    run.artifacts.all().delete()
    assert "left no trace" in client_of("viewer").get(f"/runs/{run.pk}/").content.decode()


def test_a_run_of_an_older_schema_says_so(client_of: SignIn, people: People) -> None:
    run = make_run(people.team)
    finish(run)
    run.cell.document = {"task": {"kind": "gone"}}
    run.cell.digest = "e" * 64
    run.cell.save()
    assert "older schema" in client_of("viewer").get(f"/runs/{run.pk}/").content.decode()


def test_memory_keeps_what_was_used_last() -> None:
    made: list[str] = []
    memory: Memory[str] = Memory(10, len)

    def get(word: str) -> str:
        def make() -> str:
            made.append(word)
            return word

        return memory.get(word, make)

    for word in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb"):
        assert get(word) == word
    assert made == ["aaaa", "bbbb", "cccc", "bbbb"]
    assert get("larger than all room") == get("larger than all room")  # is made each time
    assert len(made) == 6
