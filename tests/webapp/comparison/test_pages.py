"""The pages of comparisons: who may see them, what an address may say, and how settings are chosen."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.webapp.comparison.study import FEDAVG, FEDMAX, finish, finish_all, make_experiment, make_study, run_of, tell
from tests.webapp.people import People
from webapp.experiments.models import Experiment

SignIn = Callable[[str], Client]
PAGES = ("/compare", "/compare/clients", "/compare/export")


@pytest.fixture
def study(people: People) -> Experiment:
    return make_study(people.team, [FEDAVG, FEDMAX], range(3), rounds=4)


def text(client: Client, address: str) -> str:
    answer = client.get(address, follow=True)
    assert answer.status_code == 200, address
    return html.unescape(answer.content.decode())


@pytest.mark.slow
def test_a_viewer_sees_what_a_stranger_must_not_even_find(client_of: SignIn, study: Experiment) -> None:
    run = run_of(study, 0, 0)
    for page in PAGES:
        for query in (f"cells={study.pk}", f"cells={study.pk}.1", f"runs={run.pk}"):
            address = f"{page}?{query}&format=csv"
            assert Client().get(address).status_code == 302, address
            assert client_of("stranger").get(address).status_code == 404, address
            assert client_of("viewer").get(address).status_code == 200, address
    assert study.name not in text(client_of("stranger"), f"/compare/pick?q=Does&cells={study.pk}")
    assert study.name in text(client_of("viewer"), "/compare/pick?q=Does")


def test_what_is_gone_is_said_and_the_rest_is_shown(client_of: SignIn, people: People, study: Experiment) -> None:
    elsewhere = make_experiment(people.elsewhere, [FEDAVG], [0])
    page = text(client_of("viewer"), f"/compare?cells={study.pk},{elsewhere.pk}")
    assert "Compare 2 settings" in page
    assert "1 of the settings in this address is not there" in page
    assert elsewhere.name not in page


@pytest.mark.parametrize("query", ["metric=beauty", "x=miles", "baseline=nobody", "lines=%00", "x=&metric=&baseline="])
def test_odd_parts_of_an_address_fall_back(client_of: SignIn, study: Experiment, query: str) -> None:
    assert "Accuracy at the end" in text(client_of("viewer"), f"/compare?cells={study.pk}&{query}")


@pytest.mark.slow
def test_too_many_settings_are_refused_with_the_limit(client_of: SignIn, people: People) -> None:
    many = make_experiment(people.team, [f"{{kind: fedprox, mu: 0.{place:02}1}}" for place in range(25)], [0])
    client = client_of("viewer")
    answer = client.get(f"/compare?cells={many.pk}")
    assert answer.status_code == 422
    assert "at most 24 settings fit into one comparison; given 25" in answer.content.decode()
    assert client.get(f"/compare/clients?cells={many.pk}").status_code == 404
    assert client.get(f"/compare/export?cells={many.pk}&format=csv").status_code == 404


def test_a_form_of_boxes_leads_to_the_short_address(client_of: SignIn, study: Experiment) -> None:
    client = client_of("viewer")
    answer = client.get(f"/compare?cells={study.pk}.0&cells={study.pk}.1&q=old")
    assert answer["Location"] == f"/compare?cells={study.pk}"
    answer = client.get(f"/compare?cells={study.pk}.1&cells={study.pk}.0&baseline={study.pk}.0")
    assert answer["Location"] == f"/compare?cells={study.pk}.1,{study.pk}.0&baseline={study.pk}.0"


@pytest.mark.slow
def test_links_keep_what_the_reader_chose(client_of: SignIn, study: Experiment) -> None:
    page = text(client_of("viewer"), f"/compare?cells={study.pk}&x=time&metric=loss&baseline={study.pk}.1")
    links = set(re.findall(r'href="(/compare\?[^"]+)"', page))
    kept = f"cells={study.pk}&baseline={study.pk}.1&metric=loss"
    assert f"/compare?{kept}&x=joules" in links
    assert f"/compare?{kept}&x=time&lines=each" in links
    assert f"/compare?cells={study.pk}&metric=loss&x=time" in links  # the first setting as baseline needs no word
    assert f"/compare?cells={study.pk}.1&metric=loss&x=time" in links  # without the other
    for link in links:
        assert client_of("viewer").get(link).status_code == 200


def test_the_choice_keeps_what_is_chosen_on_top(client_of: SignIn, people: People, study: Experiment) -> None:
    other = make_experiment(people.team, [FEDAVG], [0, 1], name="Another question")
    single = run_of(other, 0, 1)
    page = text(client_of("viewer"), f"/compare/pick?q=nothing-like-this&cells={study.pk}.1&runs={single.pk}")
    assert f'value="{study.pk}.1" checked' in page
    assert f'value="{study.pk}.0">' in page
    assert f'value="{single.pk}" checked' in page
    assert "1 run: seed 1" in page
    assert "No experiment fits" not in page
    page = text(client_of("viewer"), "/compare/pick?q=fedmax")
    assert study.name in page  # found by a setting
    assert other.name not in page


@pytest.mark.slow
def test_lists_offer_boxes_and_pages_a_way_in(client_of: SignIn, study: Experiment) -> None:
    client, run = client_of("viewer"), run_of(study, 0, 0)
    assert f'name="cells" value="{study.pk}" form="to-compare"' in text(client, "/experiments/")
    assert f'name="runs" value="{run.pk}" form="to-compare"' in text(client, "/runs/")
    assert f"/compare?cells={study.pk}" in text(client, f"/experiments/{study.pk}/")
    assert f"/compare?runs={run.pk}" in text(client, f"/runs/{run.pk}/")
    assert 'href="/compare"' in text(client, "/")


def test_nothing_to_compare_teaches(client_of: SignIn) -> None:
    assert "Nothing to compare yet" in text(client_of("viewer"), "/compare")


def test_running_experiments_can_be_compared_too(client_of: SignIn, people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(2))
    page = text(client_of("viewer"), f"/compare?cells={experiment.pk}")
    assert "No result yet: none of these runs is done." in page
    assert "No run of seed 0 has said anything" in text(client_of("viewer"), f"/compare/clients?cells={experiment.pk}")
    finish_all(experiment, [(0.8, 0.9), (0.7, 0.8)])
    assert "No claim." in text(client_of("viewer"), f"/compare?cells={experiment.pk}")


def test_a_comparison_follows_runs_until_they_have_ended(client_of: SignIn, people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], [0], rounds=2)
    client, htmx = client_of("viewer"), {"HTTP_HX_REQUEST": "true"}

    def link(page: str) -> str:
        found = re.search(r'id="following"[^>]*hx-get="([^"]+)"', page)
        return html.unescape(found[1]) if found else ""

    page = client.get(f"/compare?cells={experiment.pk}").content.decode()
    assert "0 running and 2 queued runs" in page
    asked = link(page)
    assert asked
    assert client.get(asked, **htmx).status_code == 204
    run = run_of(experiment, 0, 0)
    tell(run, [{"accuracy": 0.5}])
    finish(run, {"accuracy": 0.5})
    answer = client.get(asked, **htmx)
    assert answer.status_code == 200
    assert answer["HX-Replace-Url"] == f"/compare?cells={experiment.pk}"
    page = answer.content.decode()
    assert "1 of 2 runs is done" in page
    assert all(f'id="{name}"' in page for name in ("answers", "page-data", "table-card"))
    finish(run_of(experiment, 1, 0), {"accuracy": 0.7})
    page = client.get(link(page), **htmx).content.decode()
    assert link(page) == ""
    assert "Following" not in page


def test_pages_have_no_inline_code_or_style_and_one_heading(client_of: SignIn, study: Experiment) -> None:
    for address in (f"/compare?cells={study.pk}", "/compare", f"/compare/clients?cells={study.pk}", "/compare/pick"):
        page = text(client_of("owner"), address)
        assert not re.search(r"<[^>]+\sstyle=", page), address
        assert not re.search(r"<[^>]+\son\w+=", page), address
        assert page.count("<h1") == 1, address


@pytest.mark.slow
def test_a_large_comparison_stays_light(
    client_of: SignIn, people: People, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    study = make_study(
        people.team, [f"{{kind: fedprox, mu: 0.{place:02}1}}" for place in range(12)], range(4), rounds=10
    )
    client = client_of("viewer")
    with django_assert_max_num_queries(20):  # type: ignore[attr-defined]
        page = client.get(f"/compare?cells={study.pk}")
    assert len(page.content) < 150_000
