"""The answer sentence: claims only what the seeds carry."""

from typing import Any

from engine.runs.summary import result_of
from webapp.experiments.answers import answer_of


def cell(label: str, *values: float, **costs: float) -> tuple[str, dict[str, Any]]:
    records = [
        {
            "seed": seed, "state": "done", "reason": "", "metrics": {"accuracy": value}, "baselines": {},
            "costs": costs, "wall_s": 1.0, "published": [],
        }
        for seed, value in enumerate(values)
    ]  # fmt: skip
    return label, result_of("d", records)


def test_one_seed_is_no_claim() -> None:
    (answer,) = answer_of([cell("fedavg", 0.9), cell("fedmax", 0.95)], 2, 2)
    assert answer.sentence == "fedmax leads fedavg by 5.0 points in accuracy."
    assert answer.claim == "One seed: no claim."


def test_a_clear_paired_difference_is_claimed() -> None:
    # Differences 5, 5.1, 4.9 points: mean 5, s = 0.1, t(2) = 4.30265, half width 4.30265 * 0.1 / sqrt(3) = 0.248.
    cells = [cell("fedavg", 0.90, 0.80, 0.85), cell("fedmax", 0.95, 0.851, 0.899)]
    (answer,) = answer_of(cells, 6, 6)
    assert answer.sentence.startswith(
        "fedmax leads fedavg by 5.0 points in accuracy (95 % CI 4.8 to 5.2, paired over 3"
    )
    assert answer.claim == "The difference is clear at this number of seeds."


def test_a_difference_within_its_interval_is_none_and_says_how_many_seeds_it_takes() -> None:
    # Differences -1, 2, 2 points: mean 1, s = 1.732, half width 4.30265 * 1.732 / sqrt(3) = 4.30.
    # t(n - 1) * 1.732 / sqrt(n) falls below 1 at n = 15 (t(14) = 2.145: 0.959), not at 14 (t(13) = 2.160: 1.0000).
    cells = [cell("fedavg", 0.90, 0.80, 0.85), cell("fedmax", 0.89, 0.82, 0.87)]
    (answer,) = answer_of(cells, 6, 12)
    assert "so far" in answer.sentence
    assert "95 % CI \u22123.3 to 5.3" in answer.sentence
    assert answer.claim == "No claim yet."
    assert answer.advice in {
        "About 11 more seeds would decide a difference of this size.",
        "About 12 more seeds would decide a difference of this size.",
    }


def test_the_trailing_side_is_said_as_such() -> None:
    (answer,) = answer_of([cell("a", 0.9, 0.9, 0.9), cell("b", 0.8, 0.81, 0.79)], 6, 6)
    assert answer.sentence.startswith("b trails a by 10.0 points")


def test_a_single_setting_has_a_value_with_its_interval() -> None:
    (answer,) = answer_of([cell("", 0.9, 0.92, 0.94)], 3, 3)
    assert answer.sentence.startswith("Accuracy is 92.0")
    assert "3 seeds" in answer.sentence


def test_nothing_done_is_said_plainly() -> None:
    (answer,) = answer_of([("a", result_of("d", []))], 0, 4)
    assert answer.sentence == "No result yet: 0 of 4 runs are done."


def test_settings_that_learn_the_same_are_told_apart_by_their_costs() -> None:
    wifi = cell("wifi", 0.9, 0.8, time_s=11.2, energy_j=3.96, bytes_up=1000.0)
    wire = cell("wire", 0.9, 0.8, time_s=20.9, energy_j=3.961, bytes_up=1000.0)
    (answer,) = answer_of([wifi, wire], 4, 4)
    assert answer.sentence == "wire equals wifi in accuracy, seed by seed (2 seeds)."
    assert answer.claim == "Simulated time 20.9\u202fs against 11.2\u202fs."
    (answer,) = answer_of([wifi, wifi], 4, 4)
    assert answer.claim == "Nor do their costs differ."
