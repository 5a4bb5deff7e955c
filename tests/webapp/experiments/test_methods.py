"""The methods of a run in words, and its small charts."""

from collections.abc import Callable

from django.test import Client

from tests.webapp.people import People
from tests.webapp.rows import TEXT, add_batch, make_run, metrics
from webapp.experiments.methods import adversaries_of, methods_of
from webapp.experiments.models import RunState
from webapp.experiments.tracks import TRACKS

SignIn = Callable[[str], Client]

PROX = TEXT.replace("  rounds: 3", "  strategy: {kind: fedprox, mu: 0.1}\n  rounds: 3")


def test_every_method_has_its_words_and_source(people: People) -> None:
    found = {method.axis: method for method in methods_of(make_run(people.team, text=PROX))}
    assert set(found) == {"Strategy", "Sampler"}, "what is plain, and what is no method, is left out"
    strategy = found["Strategy"]
    assert (strategy.family, strategy.kind) == ("strategies", "fedprox")
    assert "mu: 0.1" in strategy.settings
    assert "proximal" in strategy.summary
    assert "MLSys 2020" in strategy.source


def test_a_run_of_an_older_schema_has_none(people: People) -> None:
    assert methods_of(make_run(people.team, text=TEXT.replace("rounds: 3", "loops: 3"))) == []


def test_methods_stand_on_the_page_with_links(people: People, client_of: SignIn) -> None:
    run = make_run(people.team, RunState.DONE, text=PROX)
    page = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert 'href="/catalogue/strategies/fedprox/"' in page


def test_a_chart_shows_itself_with_what_it_is_about(people: People, client_of: SignIn) -> None:
    names = [track.name for track in TRACKS]
    assert len(set(names)) == len(names)
    run = make_run(people.team, RunState.RUNNING)
    add_batch(run, [metrics(1, 1, accuracy=0.5, epsilon=0.1, bytes_up=10.0, bytes_down=10.0)])
    page = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    for name in names:
        _, _, rest = page.partition(f'id="track-{name}" ')
        assert (" hidden>" in rest[: rest.index(">") + 1]) == (name not in ("bytes", "privacy")), name


def test_attackers_are_named() -> None:
    assert adversaries_of(None) == ""
    few = {"kind": "sign_flip", "num_malicious": 2, "malicious": [3, 17]}
    assert adversaries_of(few) == "2 clients are malicious: 3, 17."
    many = {"kind": "alie", "num_malicious": 5000, "malicious": list(range(1000))}
    assert adversaries_of(many).endswith("18, 19 and 4980 more.")
