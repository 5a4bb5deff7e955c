"""The table of a comparison: every statistic by hand, SciPy or a published table, and honest where there is none."""

import math

import pytest
from scipy import stats

from tests.webapp.comparison.study import FEDAVG, FEDMAX, FEDPROX, finish, finish_all, make_experiment, run_of
from tests.webapp.people import People
from webapp.comparison.answer import answers_of
from webapp.comparison.comparison import Comparison, comparison_of
from webapp.comparison.notes import notes_of
from webapp.comparison.selection import Selection, select
from webapp.comparison.tables import CLEAR, NO_PAIRS, ONE_SEED, OPEN
from webapp.experiments.models import Experiment, Run, RunState

# Student's sleep data (Biometrika 6, 1908; R's `sleep`): hours gained by ten patients under two drugs. Paired t is
# 4.0621 with 9 degrees of freedom, p 0.002833, mean 1.58, interval 0.7001 to 2.4599.
DRUG_1 = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
DRUG_2 = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)


def chosen(cells: list[str], runs: list[str] | None = None) -> Selection:
    return select(Experiment.objects.all(), Run.objects.all(), cells, runs or [])


def compared(cells: list[str], baseline: str = "", metric: str = "") -> Comparison:
    return comparison_of(chosen(cells), baseline, metric)


def notes(made: Comparison) -> str:
    return " ".join(notes_of(made.table, made.selection.entries, made.differences))


def test_students_own_data_give_students_own_result(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(10))
    for cell, values in enumerate((DRUG_1, DRUG_2)):
        for seed, value in enumerate(values):
            finish(run_of(experiment, cell, seed), {"hours": value})
    table = compared([str(experiment.pk)], metric="hours").table
    _, row = table.rows
    assert row.values["difference"] == pytest.approx(1.58, abs=1e-12)
    assert row.values["difference_low"] == pytest.approx(0.7001142, abs=1e-7)
    assert row.values["difference_high"] == pytest.approx(2.4598858, abs=1e-7)
    assert row.values["p_t"] == pytest.approx(0.00283289, abs=1e-8)
    # All ten differences are positive or zero (one is zero), so of 2**10 patterns only 2 * 2 are as extreme.
    assert row.values["p_sign_flip"] == 4 / 1024
    assert row.values["effect_size"] == pytest.approx(4.0621277 / math.sqrt(10), abs=1e-7)
    assert (row.values["n"], row.values["pairs"], row.claim) == (10, 10, CLEAR)


def test_means_and_intervals_agree_with_scipy(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(4))
    finish_all(experiment, [(0.80, 0.82, 0.79, 0.85), (0.81, 0.86, 0.80, 0.84)])
    first, second = compared([str(experiment.pk)]).table.rows
    values = [0.80, 0.82, 0.79, 0.85]
    low, high = stats.t.interval(0.95, 3, loc=0.815, scale=stats.sem(values))
    assert first.values["mean"] == pytest.approx(0.815)
    assert (first.values["ci95_low"], first.values["ci95_high"]) == (pytest.approx(low), pytest.approx(high))
    test = stats.ttest_rel([0.81, 0.86, 0.80, 0.84], values)
    assert second.values["p_t"] == pytest.approx(test.pvalue)
    assert second.values["p_sign_flip"] == pytest.approx(
        stats.permutation_test(
            ([0.81, 0.86, 0.80, 0.84], values), lambda a, b: sum(a - b), permutation_type="samples", n_resamples=10**5
        ).pvalue
    )
    assert second.claim == OPEN


def test_the_screen_rounds_a_mean_as_its_interval_deserves(people: People) -> None:
    # Differences 5, 5.1, 4.9 points: s = 0.1, half width 4.30265 * 0.1 / sqrt(3) = 0.248, hence two places.
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(3))
    finish_all(experiment, [(0.90, 0.80, 0.85), (0.95, 0.851, 0.899)])
    table = compared([str(experiment.pk)]).table
    shown = {column.name: table.shown(table.rows[1], column.name) for column in table.columns}
    assert shown["mean"] == "90.0"
    assert [shown[name] for name in ("difference", "difference_low", "difference_high")] == ["+5.00", "+4.75", "+5.25"]
    assert shown["p_sign_flip"] == "0.25"
    assert table.formats["difference"].symbol == "points"
    assert [table.shown(table.rows[0], name) for name in ("difference", "pairs", "p_t", "claim")] == [
        "–",
        "–",
        "–",
        "baseline",
    ]
    assert (shown["time_s"], table.formats["time_s"].symbol) == ("1.67", "min")
    assert (shown["bytes_up"], table.formats["bytes_up"].symbol) == ("2", "MB")


def test_one_seed_is_no_claim(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], [7])
    finish_all(experiment, [(0.9,), (0.95,)])
    made = compared([str(experiment.pk)])
    row = made.table.rows[1]
    assert row.claim == ONE_SEED
    assert row.values["difference"] == pytest.approx(0.05)
    assert [row.values[name] for name in ("difference_low", "p_t", "p_sign_flip", "effect_size", "ci95_low")] == [
        None
    ] * 5
    (answer,) = answers_of(made.table)
    assert answer.sentence == "strategy=fedmax leads strategy=fedavg by 5.0 points in accuracy."
    assert answer.claim == "One seed: no claim."


def test_two_pairs_never_carry_a_claim(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(2))
    finish_all(experiment, [(0.5, 0.6), (0.7, 0.8)])
    assert compared([str(experiment.pk)]).table.rows[1].claim == OPEN


def test_only_common_seeds_make_pairs_and_the_page_says_so(people: People) -> None:
    one = make_experiment(people.team, [FEDAVG], [0, 1, 2, 3])
    other = make_experiment(people.team, [FEDMAX], [2, 3, 4])
    finish_all(one, [(0.1, 0.2, 0.80, 0.82)])
    finish_all(other, [(0.84, 0.86, 0.99)])
    made = compared([str(one.pk), str(other.pk)])
    row = made.table.rows[1]
    assert dict(row.differences) == {2: pytest.approx(0.04), 3: pytest.approx(0.04)}
    assert (row.values["n"], row.values["pairs"]) == (3, 2)
    assert row.values["mean"] == pytest.approx((0.84 + 0.86 + 0.99) / 3)
    assert "over the 2 seeds that both have; seed 4 only of" in notes(made)
    assert "seeds 0, 1 only of" in notes(made)


def test_seeds_that_do_not_meet_give_no_difference_at_all(people: People) -> None:
    one, other = (make_experiment(people.team, [kind], seeds) for kind, seeds in ((FEDAVG, [0, 1]), (FEDMAX, [2, 3])))
    finish_all(one, [(0.8, 0.9)])
    finish_all(other, [(0.7, 0.6)])
    made = compared([str(one.pk), str(other.pk)])
    row = made.table.rows[1]
    assert row.claim == NO_PAIRS
    assert (row.values["pairs"], row.values["difference"], row.values["mean"]) == (0, None, pytest.approx(0.65))
    assert "no seed in common (seeds 2, 3 against 0, 1)" in notes(made)
    assert any(answer.claim == "No claim." for answer in answers_of(made.table))


def test_a_run_that_is_not_done_counts_nowhere(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(3))
    finish_all(experiment, [(0.8, 0.8, 0.8), (0.9, 0.9, 0.9)])
    Run.objects.filter(cell__index=1, seed=0).update(state=RunState.RUNNING, result=None)
    made = compared([str(experiment.pk)])
    assert dict(made.table.rows[1].by_seed) == {1: 0.9, 2: 0.9}
    assert "5 of 6 runs are done; the table leaves out the others (1 running)." in notes(made)


def test_a_diverged_run_has_no_value(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(2))
    for cell in (0, 1):
        for seed in (0, 1):
            finish(run_of(experiment, cell, seed), {"loss": math.nan if (cell, seed) == (1, 0) else 1.0 + cell})
    made = compared([str(experiment.pk)])
    assert made.measure.name == "loss"
    assert dict(made.table.rows[1].by_seed) == {1: 2.0}
    assert made.table.rows[1].claim == ONE_SEED


def test_less_loss_and_less_time_lead(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(3))
    for cell in (0, 1):
        for seed in range(3):
            costs = {"time_s": 100.0 - 40 * cell + seed}
            finish(run_of(experiment, cell, seed), {"loss": 1.0 + cell + seed / 100}, costs)
    (by_loss,) = answers_of(compared([str(experiment.pk)], metric="loss").table)
    (by_time,) = answers_of(compared([str(experiment.pk)], metric="time_s").table)
    assert by_loss.sentence.startswith("strategy=fedmax trails strategy=fedavg by 1")
    assert by_time.sentence.startswith("strategy=fedmax leads strategy=fedavg by 40.0 s in simulated time")
    assert "differ by exactly the same" in notes(compared([str(experiment.pk)], metric="time_s"))


def test_any_setting_can_be_the_baseline_and_the_leader_is_named(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX, FEDPROX], range(3))
    finish_all(experiment, [(0.80, 0.81, 0.82), (0.90, 0.91, 0.92), (0.85, 0.865, 0.87)])
    made = compared([str(experiment.pk)], baseline=f"{experiment.pk}.1")
    assert [row.claim for row in made.table.rows] == [CLEAR, "baseline", CLEAR]
    assert made.table.rows[0].values["difference"] == pytest.approx(-0.1)
    best, pair, count = answers_of(made.table)
    assert best.sentence == "Of 3 settings strategy=fedmax has the highest mean accuracy, 91.0 %."
    assert pair.sentence.startswith("strategy=fedprox trails strategy=fedmax by ")
    assert count.sentence == "2 of 2 differences to strategy=fedmax are clear."
    assert "2 comparisons with one baseline: the p values are not corrected" in notes(made)


def test_the_same_setting_twice_is_called_so(people: People) -> None:
    one, other = (make_experiment(people.team, [FEDAVG], range(3), name=name) for name in ("First", "Again"))
    for experiment in (one, other):
        finish_all(experiment, [(0.8, 0.8, 0.8)])
    made = compared([str(one.pk), str(other.pk)])
    assert "Again: strategy=fedavg is the same setting as First: strategy=fedavg" in notes(made)
    assert made.differences == []
    assert made.table.rows[1].values["p_t"] == 1.0


def test_labels_are_told_apart(people: People) -> None:
    pair = [make_experiment(people.team, [FEDAVG], [0], name="Twin") for _ in range(2)]
    labels = [entry.label for entry in chosen([str(experiment.pk) for experiment in pair]).entries]
    assert len(set(labels)) == 2
    assert all(label.startswith("strategy=fedavg #") for label in labels)


def test_runs_of_one_cell_stand_in_one_row(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], range(3))
    some = [str(run_of(experiment, 1, seed).pk) for seed in (2, 0)]
    selection = chosen([f"{experiment.pk}.0"], some)
    assert [entry.seeds for entry in selection.entries] == [(0, 1, 2), (0, 2)]
    assert [entry.is_part for entry in selection.entries] == [False, True]
    assert selection.cells == f"{experiment.pk}.0"
    assert set(selection.runs.split(",")) == set(some)
    # A cell that is there as a whole takes its runs in.
    assert len(chosen([f"{experiment.pk}.1"], some).entries) == 1


def test_an_address_names_a_whole_experiment_by_its_id(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, FEDMAX], [0])
    assert chosen([f"{experiment.pk}.0", f"{experiment.pk}.1"]).cells == str(experiment.pk)
    assert chosen([f"{experiment.pk}.1", f"{experiment.pk}.0"]).cells == f"{experiment.pk}.1,{experiment.pk}.0"
    gone = ["nonsense", f"{experiment.pk}.9", f"{experiment.pk}.x", str(people.team.pk)]
    assert chosen([*gone, str(experiment.pk)]).missing == tuple(gone)


def test_only_fields_that_differ_are_listed(people: People) -> None:
    experiment = make_experiment(people.team, [FEDPROX, "{kind: fedprox, mu: 0.5}"], [0, 1])
    other = make_experiment(people.team, [FEDAVG], [4], rounds=9)
    made = compared([str(experiment.pk)])
    assert [(one.path, one.values) for one in made.differences] == [("task.strategy.mu", ("0.1", "0.5"))]
    made = compared([f"{experiment.pk}.0", str(other.pk)])
    strategy, rounds = made.differences
    assert (strategy.path, strategy.values[1]) == ("task.strategy", "{kind: fedavg}")  # kinds differ: shown whole
    assert str(strategy.values[0]).startswith("{kind: fedprox, mu: 0.1")
    assert (rounds.path, rounds.values) == ("task.rounds", ("3", "9"))
