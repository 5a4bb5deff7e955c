"""Records of runs and results of cells."""

from dataclasses import replace

import pytest

from engine.runs.summary import joined, record_of, result_of
from engine.runs.tables import from_csv, metric_rows, to_csv
from engine.task.context import Published, Summary


def summary(accuracy: float, time_s: float = 1.0) -> Summary:
    """A summary of a run."""
    paper = Published("accuracy", 0.9, "A paper, Table 2")
    return Summary({"accuracy": accuracy}, "all_rounds", {"time_s": time_s}, {"oracle": 0.99}, {}, (paper,))


def test_the_result_of_a_cell_is_over_its_seeds() -> None:
    records = [record_of(seed, "done", 2.0, summary(0.8 + 0.1 * seed, float(seed))) for seed in (0, 1)]
    found = result_of("abc", records)
    assert (found["state"], found["digest"], found["seeds"], found["wall_s"]) == ("done", "abc", [0, 1], 4.0)
    accuracy = found["metrics"]["accuracy"]
    assert accuracy["mean"] == pytest.approx(0.85)
    assert accuracy["std"] == pytest.approx(0.05 * 2**0.5)
    assert accuracy["ci95"] == pytest.approx([0.85 - 0.635310, 0.85 + 0.635310], abs=1e-5)  # t of 1 degree: 12.7062
    assert accuracy["values"] == [0.8, 0.9]
    assert found["costs"] == {"time_s": 0.5}
    assert found["baselines"] == {"oracle": 0.99}
    assert found["published"] == [{"name": "accuracy", "value": 0.9, "source": "A paper, Table 2"}]
    assert found["reasons"] == ["all_rounds", "all_rounds"]


def test_sentences_stand_in_the_result_where_there_are_any() -> None:
    said = replace(summary(0.8), words={"audit": "No signal."})
    records = [record_of(0, "done", 1.0, said), record_of(1, "done", 1.0, said), record_of(2, "failed", 1.0, None)]
    assert result_of("abc", records)["words"] == {"audit": ["No signal.", "No signal."]}
    assert "words" not in result_of("abc", [record_of(0, "done", 1.0, summary(0.8))])


def test_runs_that_are_not_done_count_in_the_state_only() -> None:
    records = [
        record_of(0, "done", 1.0, summary(0.8)),
        record_of(1, "failed", 1.0, None),
        record_of(2, "queued", 0.0, None),
    ]
    found = result_of("abc", records)
    assert found["state"] == "failed"
    assert found["metrics"]["accuracy"] == {"mean": 0.8, "std": None, "ci95": None, "values": [0.8, None, None]}
    assert result_of("abc", records[2:])["state"] == "queued"
    assert result_of("abc", records[2:])["metrics"] == {}


def test_a_diverged_metric_is_null_and_not_part_of_the_mean() -> None:
    records = [record_of(seed, "done", 1.0, summary(value)) for seed, value in enumerate((0.5, float("nan")))]
    accuracy = result_of("abc", records)["metrics"]["accuracy"]
    assert (accuracy["mean"], accuracy["values"]) == (0.5, [0.5, None])


def test_several_cells_are_listed_with_their_labels() -> None:
    one = result_of("abc", [record_of(0, "done", 1.0, summary(0.8))])
    assert joined([("", one)]) == one
    assert joined([("lr=1", one), ("lr=2", one)])["cells"][1]["label"] == "lr=2"


def test_tables_hold_every_value_under_its_name() -> None:
    events = [
        {"seq": 1, "kind": "started", "sim_time_s": None, "body": {}},
        {"seq": 2, "kind": "metrics", "sim_time_s": 1.0, "body": {"round": 1, "values": {"loss": 0.1}}},
        {
            "seq": 3,
            "kind": "metrics",
            "sim_time_s": 2.0,
            "body": {"round": 2, "values": {"loss": None, "accuracy": 0.5}},
        },
    ]
    text = to_csv(metric_rows(events), ("seq",))
    assert text == "seq,sim_time_s,round,loss,accuracy\n2,1.0,1,0.1,\n3,2.0,2,,0.5\n"
    assert from_csv(text)[1]["accuracy"] == "0.5"
