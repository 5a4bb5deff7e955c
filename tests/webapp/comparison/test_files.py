"""Screen, CSV, Parquet, LaTeX and REST hold the same table, cell by cell."""

import csv
import html
import io
import re
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client

from tests.webapp.api.client import Api
from tests.webapp.comparison.study import FEDAVG, FEDMAX, FEDPROX, finish, make_experiment, make_study, run_of, tell
from tests.webapp.people import People
from webapp.catalogue.quantities import DASH
from webapp.comparison.columns import columns_of
from webapp.comparison.comparison import Comparison, comparison_of
from webapp.comparison.latex import escaped
from webapp.comparison.selection import select
from webapp.experiments.measures import measure_of
from webapp.experiments.models import Experiment, Run
from webapp.teams.tokens import issue_token

SignIn = Callable[[str], Client]
NAMES = [column.name for column in columns_of(measure_of("accuracy"))]
TEXTS = {"setting", "claim"}


@pytest.fixture
def study(people: People) -> Experiment:
    """Three settings with unequal seeds: one of the last is missing, one cost too."""
    study = make_study(people.team, [FEDAVG, FEDMAX, FEDPROX], range(4), rounds=6)
    run_of(study, 2, 3).delete()
    lonely = run_of(study, 1, 0)
    assert lonely.result
    del lonely.result["costs"]["share_recalled"]
    lonely.save()
    return study


@pytest.fixture(params=["accuracy", "loss", "energy_j"])
def query(request: pytest.FixtureRequest, study: Experiment) -> str:
    return f"cells={study.pk}&baseline={study.pk}.1&metric={request.param}"


def screen(client: Client, query: str) -> list[dict[str, str]]:
    """The rows of the page's table as they are written."""
    page = client.get(f"/compare?{query}").content.decode()
    rows = re.findall(r'<tr data-ref="[^"]+".*?</tr>', page, re.DOTALL)
    found = [dict(re.findall(r'data-column="(\w+)"[^>]*>([^<]*)<', row)) for row in rows]
    return [{name: html.unescape(value) for name, value in row.items()} for row in found]


def made(query: str) -> Comparison:
    asked = dict(part.split("=") for part in query.split("&"))
    selection = select(Experiment.objects.all(), Run.objects.all(), [asked["cells"]], [])
    return comparison_of(selection, asked["baseline"], asked["metric"])


def number(text: str) -> float | None:
    return float(text) if text else None


@pytest.mark.slow
def test_csv_holds_the_numbers_of_the_screen(client_of: SignIn, query: str) -> None:
    client = client_of("viewer")
    answer = client.get(f"/compare/export?{query}&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    formats, shown = made(query).table.formats, screen(client, query)
    assert len(rows) == len(shown) == 3
    for row, written in zip(rows, shown, strict=True):
        assert list(row) == ["metric", *NAMES]
        assert row["metric"] == made(query).measure.name
        assert written.keys() == set(NAMES)
        for name in NAMES:
            value: Any = row[name] if name in TEXTS else number(row[name])
            value = int(value) if name in {"n", "pairs"} and value is not None else value
            assert formats[name].shown(value) == written[name], name
    assert answer["Content-Disposition"] == f'attachment; filename="comparison-{rows[0]["metric"]}.csv"'


def test_parquet_holds_every_digit_and_its_types(client_of: SignIn, query: str) -> None:
    client = client_of("viewer")
    answer = client.get(f"/compare/export?{query}&format=parquet")
    table = pq.read_table(io.BytesIO(answer.content))
    expected = [dict(row.values) for row in made(query).table.rows]
    assert [{name: row[name] for name in NAMES} for row in table.to_pylist()] == expected
    kinds = {name: str(table.schema.field(name).type) for name in ("metric", "setting", "n", "pairs", "mean", "p_t")}
    assert kinds == {
        "metric": "string",
        "setting": "string",
        "n": "int64",
        "pairs": "int64",
        "mean": "double",
        "p_t": "double",
    }
    assert b"/api/v1/compare?" in table.schema.metadata[b"edgeloom.reproduce"]


def test_latex_prints_what_the_screen_shows(client_of: SignIn, query: str) -> None:
    client = client_of("viewer")
    text = client.get(f"/compare/export?{query}&format=latex").content.decode()
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    rows = [line.removesuffix(r" \\").split(" & ") for line in body.strip().splitlines()]
    shown = screen(client, query)
    for row, written in zip(rows, shown, strict=True):
        assert len(row) == len(NAMES)
        for name, cell in zip(NAMES, row, strict=True):
            plain = cell.strip("$").replace("-", "\u2212").replace("\\,", "\u202f")
            assert (cell if name in TEXTS else plain) == _latex(name, written[name]), name
    head = text.split(r"\toprule")[1].split(r"\midrule")[0]
    assert head.count(" & ") == len(NAMES) - 1
    assert "$n$" in head
    assert r"95 \% CI" in head
    assert '% reproduce: curl -sSf -H "Authorization: Bearer $EDGELOOM_TOKEN"' in text
    assert "seeds 0, 1, 2\n" in text
    assert "seeds 0, 1, 2, 3\n" in text


def _latex(name: str, written: str) -> str:
    if name in TEXTS:
        return escaped(written)
    return "\u2212\u2212" if written == DASH else written


def test_latex_survives_any_name() -> None:
    assert escaped(r"50 % of $x_1$ & \y{z} #2~^") == (
        r"50 \% of \$x\_1\$ \& \textbackslash{}y\{z\} \#2\textasciitilde{}\textasciicircum{}"
    )


def test_a_name_with_line_ends_cannot_leave_its_comment(people: People, client_of: SignIn) -> None:
    study = make_study(people.team, [FEDAVG], [0], rounds=2)
    study.cells.update(label="a\n\\input{secret}")
    text = client_of("viewer").get(f"/compare/export?cells={study.pk}&format=latex").content.decode()
    assert "\n\\input" not in text
    assert all(line.startswith("%") for line in text.splitlines() if "digest" in line)


def test_rest_gives_the_same_rows(people: People, query: str) -> None:
    _, secret = issue_token(people["viewer"], people.team, "t", scopes=["read"])
    api = Api(token=secret)
    asked = dict(part.split("=") for part in query.split("&"))
    answer = api.get("/compare", **asked)
    comparison = made(query)
    assert [{name: row[name] for name in NAMES} for row in answer["rows"]] == [
        dict(row.values) for row in comparison.table.rows
    ]
    assert (answer["metric"], answer["baseline"]) == (asked["metric"], asked["baseline"])
    assert [one["path"] for one in answer["differences"]] == [one.path for one in comparison.differences]
    seeds = answer["rows"][0]["seeds"]
    assert [one["seed"] for one in seeds] == [0, 1, 2, 3]
    differences = [one["difference"] for one in seeds]
    assert sum(differences) / len(differences) == pytest.approx(answer["rows"][0]["difference"])
    assert answer["curves"] is None
    of_experiment = api.get(
        f"/experiments/{asked['cells']}/compare", baseline=asked["baseline"], metric=asked["metric"]
    )
    assert of_experiment == answer


@pytest.mark.slow
def test_rest_exports_the_files_of_the_page(people: People, client_of: SignIn, study: Experiment) -> None:
    _, secret = issue_token(people["viewer"], people.team, "t", scopes=["read"])
    for name in ("csv", "parquet", "latex"):
        by_rest = Api(token=secret)("GET", "/compare", query={"cells": str(study.pk), "format": name})
        by_page = client_of("viewer").get(f"/compare/export?cells={study.pk}&format={name}")
        assert by_rest.content == by_page.content
        assert by_rest["Content-Type"] == by_page["Content-Type"]


def test_rest_has_the_curves_of_the_page(people: People, study: Experiment) -> None:
    _, secret = issue_token(people["viewer"], people.team, "t", scopes=["read"])
    found = Api(token=secret).get(f"/experiments/{study.pk}/compare", x="joules", points=3)["curves"]
    assert found["x"] == "joules"
    assert [len(line["x"]) for line in found["lines"]] == [3, 3, 3]
    assert found["num_points"] == 24  # four seeds of six rounds, each with its own joules


@pytest.mark.slow
def test_rest_refuses_what_makes_no_sense(people: People, study: Experiment) -> None:
    _, secret = issue_token(people["viewer"], people.team, "t", scopes=["read"])
    api = Api(token=secret)
    for query, path in (
        ({}, "cells"),
        ({"cells": str(study.pk), "metric": "beauty"}, "metric"),
        ({"cells": str(study.pk), "baseline": "x"}, "baseline"),
        ({"cells": str(study.pk), "format": "xlsx"}, "format"),
        ({"cells": ",".join(f"{study.pk}.{place}" for place in range(3)), "x": "miles"}, "x"),
    ):
        answer = api("GET", "/compare", query=query)
        assert answer.status_code == 422, query
        assert path in {error["path"] for error in answer.json()["errors"]}
    many = make_experiment(people.team, [f"{{kind: fedprox, mu: 0.{place:02}1}}" for place in range(25)], [0])
    answer = api("GET", f"/experiments/{many.pk}/compare")
    assert answer.json()["errors"][0]["code"] == "too_many"
    assert api("GET", "/compare", query={"cells": f"{study.pk},{people.team.pk}"}).status_code == 404


def test_the_metrics_of_a_run_come_as_csv_and_parquet(people: People) -> None:
    run = run_of(make_experiment(people.team, [FEDAVG], [0]), 0, 0)
    tell(run, [{"accuracy": 0.5, "time_s": 2.0}, {"accuracy": None, "loss": 0.25}], [{"round": 1, "ids": [0]}])
    finish(run, {"accuracy": 0.5})
    _, secret = issue_token(people["viewer"], people.team, "t", scopes=["read"])
    api = Api(token=secret)
    text = api("GET", f"/runs/{run.pk}/metrics").content.decode()
    assert text == "seq,sim_time_s,round,accuracy,time_s,loss\n1,1.0,1,0.5,2.0,\n2,2.0,2,,,0.25\n"
    content = api("GET", f"/runs/{run.pk}/metrics", query={"format": "parquet"}).content
    table = pq.read_table(io.BytesIO(content))
    assert table.to_pydict() == {
        "seq": [1, 2], "sim_time_s": [1.0, 2.0], "round": [1, 2], "accuracy": [0.5, None], "time_s": [2.0, None],
        "loss": [None, 0.25],
    }  # fmt: skip
