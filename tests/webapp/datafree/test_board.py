"""What the page of a data-free run reads out of its log, and how it is drawn."""

import base64
import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.webapp.datafree.told import PNG, contender, frames, tell_run
from tests.webapp.people import People
from tests.webapp.rows import add_batch
from webapp.datafree.audits import attacks_of
from webapp.datafree.beside import beside
from webapp.datafree.board import Board, board_of, sheet_png
from webapp.datafree.fitting import verdicts
from webapp.datafree.pages import results
from webapp.datafree.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plot_of
from webapp.datafree.tables import compared, on_devices
from webapp.experiments.models import Artifact, RunState
from webapp.sharing.services import share

SignIn = Callable[[str], Client]


def test_stages_count_their_own_steps_even_where_they_take_turns(people: People) -> None:
    board = board_of(tell_run(people.team))
    assert [(stage.name, stage.done, stage.state) for stage in board.stages] == [
        ("teacher", 10, "done"), ("synthesis", 4, "done"), ("student", 6, "done"),
    ]  # fmt: skip
    early = board_of(tell_run(people.team, until=8))
    assert [(stage.done, stage.state) for stage in early.stages] == [(10, "done"), (2, "running"), (3, "running")]
    assert board.learning["student"] == ([3, 6], [0.6, 0.85]), "by the steps of the student alone"
    assert board.learning["teacher"] == ([5, 10], [0.5, 0.95])
    assert board.reached == 20


def test_a_model_keeps_its_color_and_no_two_share_sign_and_color() -> None:
    roles = {
        "teacher": "teacher", "student": "student", "pruned": "student", "quantized": "student", "oracle": "baseline",
        "real_distillation": "baseline", "out_of_domain": "baseline", "noise": "baseline",
    }  # fmt: skip
    facts = {"contenders": [{"name": name, "title": name} for name in roles]}
    rows = {name: contender(name, roles[name], 0.5, 1000) for name in ("teacher", "oracle", "noise", "student")}
    early = {one.row["name"]: one.color for one in compared(Board(facts=facts, contenders=rows))}
    rows |= {name: contender(name, role, 0.5, 1000) for name, role in roles.items()}
    whole = Board(facts=facts, contenders=rows)
    late = {one.row["name"]: one.color for one in compared(whole)}
    assert early.items() <= late.items()
    assert len({(roles[name], color) for name, color in late.items()}) == len(roles)
    plot = plot_of(whole, [])
    assert plot is not None
    assert [point.color for point in plot.points] == [late[name] for name in rows]


def test_checked_files_are_fetched_where_they_stand(people: People, client_of: SignIn) -> None:
    run = tell_run(people.team)
    here = f"/runs/{run.pk}/"
    assert "/artifacts/" not in client_of("viewer").get(here).content.decode()
    file = Artifact.objects.create(team=run.team, run=run, name="artifacts/student.int8.onnx", size_bytes=3)
    for place in (here, f"{here}?part=results"):
        page = client_of("viewer").get(place).content.decode()
        files = page[page.index("exports-title") : page.index("Same answer and largest")]
        assert f'href="/artifacts/{file.pk}"' in files
    _, secret = share(run.cell.experiment, people["editor"], "runs")
    assert "/artifacts/" not in Client().get(f"/shared/{secret}{here}").content.decode(), "a guest sees no files"


def test_sheets_are_named_without_their_bytes_which_have_an_address(people: People, client_of: SignIn) -> None:
    run = tell_run(people.team)
    board = board_of(run)
    assert [sheet["caption"] for sheet in board.sheets] == ["batch 1 of 2", "batch 2 of 2"]
    assert all("png" not in sheet for sheet in board.sheets)
    seq = board.sheets[1]["seq"]
    assert sheet_png(run, seq) == PNG
    assert sheet_png(run, 1) is None
    assert sheet_png(run, 999) is None
    answer = client_of("viewer").get(f"/runs/{run.pk}/images/{seq}")
    assert (answer.content, answer["Content-Type"]) == (base64.b64decode(PNG), "image/png")
    assert client_of("viewer").get(f"/runs/{run.pk}/images/1").status_code == 404


def test_contenders_stand_against_teacher_and_oracle(people: People) -> None:
    teacher, oracle, student = compared(board_of(tell_run(people.team)))
    assert (teacher.to_teacher, oracle.to_oracle) == (None, None)
    assert student.to_teacher == pytest.approx(-0.10)
    assert student.to_oracle == pytest.approx(-0.05)
    assert student.sizes == [2000, 500, 250]
    assert student.recall == [(0.85, 5), (None, 0)], "a class without samples has no shade"


def test_what_does_not_fit_says_by_how_much_and_of_what(people: People) -> None:
    rows = [row for row in on_devices(board_of(tell_run(people.team))) if row.title == "Student"]
    assert [(row.group, row.latency_s) for row in rows] == [("boards", 1e-3), ("sensors", None)]
    fp32, int8 = rows[1].fits
    assert (fp32.fits, fp32.excess_bytes, fp32.places) == (False, 1234, "flash")
    assert (int8.fits, int8.places) == (True, "")


def test_what_fits_is_there_before_anything_is_measured(people: People) -> None:
    (row,) = on_devices(board_of(tell_run(people.team, until=2)))
    assert (row.title, row.fits[0].excess_bytes) == ("Student", 77)


def test_key_figures_name_both_gaps_and_the_smallest_file(people: People) -> None:
    found = results(tell_run(people.team))
    kpis = {kpi.name: (kpi.number, kpi.unit) for kpi in found["kpis"]}
    assert kpis["final"] == ("85.0", "%")
    assert kpis["teacher"] == ("10.0", "points")
    assert kpis["oracle"] == ("5.0", "points")
    assert kpis["size"] == ("900", "B")
    assert kpis["fits"] == ("2 of 2", "groups")
    assert "10.0 points behind its teacher and 5.0 points behind its oracle" in found["verdict"]
    assert "with 4 times fewer parameters" in found["verdict"]


def test_the_plot_is_to_scale(people: People) -> None:
    board = board_of(tell_run(people.team))
    plot = plot_of(board, [("STM32", 512 * 1024), ("Pi", 32 * 10**9)])
    assert plot is not None
    points = {point.title: point for point in plot.points}
    assert points.keys() == {"Teacher", "Oracle", "Student", "file: student.int8.onnx"}
    decade = next(later.place - earlier.place for earlier, later in zip(plot.xs, plot.xs[1:], strict=False))
    assert points["Teacher"].x - points["Student"].x == pytest.approx(decade * 0.60206, abs=0.2), "log10 of 8000 / 2000"
    assert points["Teacher"].y < points["Oracle"].y < points["Student"].y, "better is higher"
    for point in plot.points:
        assert LEFT <= point.x <= WIDTH - RIGHT
        assert TOP <= point.y <= HEIGHT - BOTTOM
    assert [limit.title for limit in plot.limits] == ["STM32"]
    assert plot.far == [("Pi", 32 * 10**9)], "so much flash is no limit and would press the points together"
    assert plot_of(Board(), []) is None


def test_the_audit_is_a_row_for_each_attack(people: People) -> None:
    student, pixels = attacks_of(board_of(tell_run(people.team)).audit)
    assert (student.title, student.is_signal, student.auc, student.at_one) == ("Loss of the student", False, 0.5, 0.01)
    assert (pixels.is_signal, pixels.at_tenth) == (True, None)
    assert attacks_of({}) == []


def test_verdicts_tell_what_fits_and_by_how_much_not() -> None:
    rows = [
        {"group": "a", "precision": "fp32", "fits": False, "excess_bytes": 9000},
        {"group": "a", "precision": "int8", "fits": True, "excess_bytes": 0},
        {"group": "b", "precision": "fp32", "fits": False, "excess_bytes": 9000},
        {"group": "b", "precision": "int8", "fits": False, "excess_bytes": 1500},
    ]
    assert verdicts(rows) == ["a: fits as int8", "b: 1\u202f500 bytes short even as int8"]


def test_baselines_stand_beside_over_seeds(people: People) -> None:
    runs = [tell_run(people.team, RunState.DONE) for _ in range(2)]
    for run, accuracy in zip(runs, (0.8, 0.9), strict=True):
        run.result = {"baselines": {"teacher": {"title": "Teacher", "accuracy": accuracy}, "note": 3}}
    found = beside([("All runs", runs), ("Nothing yet", [None])])
    assert found["contender_titles"] == ["Teacher"]
    first, second = found["beside"]
    assert (first.values[0].mean, first.values[0].count) == (pytest.approx(0.85), 2)
    assert first.values[0].low < 0.8
    assert second.values[0].mean is None
    assert beside([("x", [])])["beside"] == []


@pytest.mark.parametrize(
    ("state", "until", "words", "without"),
    [
        (RunState.QUEUED, 0, ["The first images appear here", "appear here as soon as each is measured"], ["Recall"]),
        (RunState.RUNNING, 9, ["not measured yet", "Oracle", "step 3 of 6"], ["Exported files", "Privacy audit"]),
        (RunState.FAILED, 3, ["The run ended before any model was measured", "This run made no images"], ["Recall"]),
        (RunState.DONE, None, ["Privacy audit", "student.int8.onnx", "Recall by class", "bytes short"], []),
    ],
)
def test_every_state_has_a_whole_page(
    people: People, client_of: SignIn, state: str, until: int | None, words: list[str], without: list[str]
) -> None:
    run = tell_run(people.team, state, until=until)
    page = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    for word in words:
        assert word in page, word
    for word in without:
        assert word not in page, word
    for federated in ('id="heat"', "Clients by round", "Where time and energy go", 'id="scrub"'):
        assert federated not in page, federated
    assert "webapp/js/datafree.js" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)), [one for one in ids if ids.count(one) > 1]


def test_the_tables_are_asked_for_by_themselves(people: People, client_of: SignIn) -> None:
    run = tell_run(people.team)
    part = client_of("viewer").get(f"/runs/{run.pk}/?part=results").content.decode()
    assert part.lstrip().startswith('<div id="results"')
    assert 'id="tables"' in part
    assert "<html" not in part


def test_a_later_row_of_the_same_name_replaces_the_earlier(people: People) -> None:
    run = tell_run(people.team)
    body = contender("student", "student", 0.99, 2000)
    add_batch(run, [{"seq": len(frames()) + 1, "kind": "contender", "sim_time_s": None, "body": body}])
    board = board_of(run)
    assert list(board.contenders) == ["teacher", "oracle", "student"]
    assert board.final is not None
    assert board.final["accuracy"] == 0.99


def test_the_experiment_shows_what_this_kind_measures(people: People, client_of: SignIn) -> None:
    run = tell_run(people.team, RunState.DONE)
    run.result = {"metrics": {"accuracy": 0.85, "teacher_accuracy": 0.95}, "costs": {}, "seed": 0, "state": "done",
                  "reason": "deployed", "baselines": {"oracle": {"title": "Oracle", "accuracy": 0.9}}, "wall_s": 1.0,
                  "published": []}  # fmt: skip
    run.save()
    page = client_of("viewer").get(f"/experiments/{run.cell.experiment.pk}/").content.decode()
    assert "Beside its baselines" in page
    assert 'data-value="student_accuracy"' in page
    assert 'data-value="divergence"' not in page
    compare = client_of("viewer").get(f"/compare?cells={run.cell.experiment.pk}").content.decode()
    assert "Clients by round" not in compare


def test_a_guest_with_the_link_sees_the_same(people: People) -> None:
    run = tell_run(people.team, RunState.DONE)
    _, secret = share(run.cell.experiment, people["editor"], "runs")
    guest = Client()
    place = f"/shared/{secret}/runs/{run.pk}/"
    page = guest.get(place).content.decode()
    assert "Side by side" in page
    assert "/catalogue/" not in page, "no links into the platform"
    seq = board_of(run).sheets[0]["seq"]
    assert f"{place}images/" in page
    assert guest.get(f"{place}images/{seq}").content == base64.b64decode(PNG)
    assert guest.get(f"{place}?part=results").status_code == 200
