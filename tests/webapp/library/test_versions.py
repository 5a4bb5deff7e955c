"""The history of designs: every save keeps a version, old ones come back as new ones, copies stand alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from tests.webapp.pages.conftest import BODIES
from tests.webapp.people import People
from webapp.library import services
from webapp.library.versions import compare
from webapp.teams.models import TrailEntry

FAMILIES = list(BODIES)
FIVE, NINE = BODIES["fleets"], {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 9}]}


@pytest.fixture
def sign_in(people: People) -> Callable[[str], Client]:
    def _sign_in(name: str) -> Client:
        client = Client()
        client.force_login(people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return _sign_in


def history(design: Any) -> list[tuple[int, str, Any, str]]:
    return [(row.number, row.name, row.body, row.author.email) for row in design.versions.order_by("number")]


def test_every_save_keeps_a_version_and_an_old_one_comes_back_as_a_new_one(people: People) -> None:
    design = services.create("fleets", people.team, people["editor"], "Boards", FIVE)
    services.replace(design, people["owner"], "More boards", NINE)
    services.restore(design, 1, people["editor"])
    assert history(design) == [
        (1, "Boards", FIVE, "editor@example.org"),
        (2, "More boards", NINE, "owner@example.org"),
        (3, "Boards", FIVE, "editor@example.org"),
    ]
    assert (design.version, design.name, design.body) == (3, "Boards", FIVE)
    assert list(TrailEntry.objects.order_by("created_at").values_list("action", "subject")) == [
        ("fleet.create", "Boards"),
        ("fleet.edit", "More boards, version 2"),
        ("fleet.edit", "Boards, version 3"),
    ]


def test_a_refused_save_keeps_nothing(people: People) -> None:
    design = services.create("fleets", people.team, people["editor"], "Boards", FIVE)
    with pytest.raises(services.VersionConflict):
        services.replace(design, people["owner"], "Late", NINE, expected_version=7)
    with pytest.raises(PermissionDenied):
        services.restore(design, 1, people["runner"])
    with pytest.raises(KeyError):
        services.restore(design, 2, people["editor"])
    assert len(history(design)) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_copy_has_a_history_of_its_own(people: People, family: str) -> None:
    design = services.create(family, people.team, people["editor"], "x" * services.MAX_NAME, BODIES[family])
    copy = services.clone(design, people["owner"])
    assert copy.pk != design.pk
    assert copy.name == ("Copy of " + "x" * services.MAX_NAME)[: services.MAX_NAME]
    assert history(copy) == [(1, copy.name, BODIES[family], "owner@example.org")]
    with pytest.raises(PermissionDenied):
        services.clone(design, people["stranger"])


def test_a_comparison_names_the_lines_that_changed_and_a_few_around(people: People) -> None:
    groups = [{"name": f"group{number}", "count": 1} for number in range(20)]
    design = services.create("fleets", people.team, people["editor"], "Many", {"groups": groups})
    changed = [*groups[:10], {"name": "group10", "count": 4}, *groups[11:]]
    services.replace(design, people["editor"], "Many", {"groups": changed})
    new, old = design.versions.all()
    lines = compare(old, new)
    assert [line.text.strip() for line in lines if line.sort == "removed"] == ["- {name: group10, count: 1}"]
    assert [line.text.strip() for line in lines if line.sort == "added"] == ["- {name: group10, count: 4}"]
    assert lines[0].sort == "skipped"
    assert len(lines) == 1 + 3 + 2 + 3
    assert compare(new, new) == []


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_pages_show_compare_and_restore(sign_in: Callable[[str], Client], people: People, family: str) -> None:
    design: Any = services.create(family, people.team, people["editor"], "First", BODIES[family])
    services.replace(design, people["editor"], "Second", BODIES[family])
    base = f"/{family}/{design.pk}/versions/"
    html = sign_in("viewer").get(base).content.decode()
    assert "<del>name: First</del>" in html
    assert "<ins>name: Second</ins>" in html
    assert "Restore" not in html
    assert sign_in("viewer").get(f"{base}?from=2&to=2").content.decode().count("The two are equal.") == 1
    assert sign_in("viewer").get(f"{base}?from=nonsense").status_code == 200
    assert "name: First" in sign_in("viewer").get(f"{base}1/").content.decode()
    assert sign_in("viewer").get(f"{base}{10**30}/").status_code == 404
    assert sign_in("viewer").post(f"{base}1/restore").status_code == 403
    said = sign_in("editor").post(f"{base}1/restore", follow=True).content.decode()
    assert "Version 1 is back, as version 3." in said
    copied = sign_in("editor").post(f"/{family}/{design.pk}/clone", follow=True)
    assert "This is a copy of First" in copied.content.decode()
