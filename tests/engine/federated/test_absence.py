"""Who could not be reached in a round, as its log tells it."""

import numpy as np

from engine.federated.rounds.absences import MOST_RANGES, absent_of
from engine.fleet.group import FleetSpec


def fleet(*counts: int) -> FleetSpec:
    """Groups of devices that come and go in turns by different rules."""
    rules = [{"kind": "round_trace", "patterns": ["1"]}, {"kind": "markov"}, {"kind": "always"}]
    groups = [{"name": f"g{place}", "count": count, "availability": rules[place]} for place, count in enumerate(counts)]
    return FleetSpec.model_validate({"groups": groups})


def test_neighbors_stand_together_and_groups_apart() -> None:
    here = np.array([0, 0, 1, 0, 0, 1, 1, 0, 1, 1], dtype=np.bool_)
    found = absent_of(fleet(4, 4, 2).resolve(), here)
    assert found == {"absent": {"round_trace": [[0, 1], [3, 3]], "markov": [[4, 4], [7, 7]]}, "num_absent": 5}


def test_an_empty_battery_is_a_reason_of_its_own() -> None:
    charged = np.array([0, 1, 1, 0], dtype=np.bool_)
    assert absent_of(fleet(4).resolve(), None, charged) == {"absent": {"battery": [[0, 0], [3, 3]]}, "num_absent": 2}
    here = np.array([0, 0, 1, 1], dtype=np.bool_)  # who cannot be reached anyway is away for that reason
    found = absent_of(fleet(4).resolve(), here, charged)
    assert found == {"absent": {"round_trace": [[0, 1]], "battery": [[3, 3]]}, "num_absent": 3}


def test_nobody_away() -> None:
    assert absent_of(fleet(2, 1).resolve(), np.ones(3, dtype=np.bool_)) == {"absent": {}, "num_absent": 0}
    assert absent_of(fleet(2).resolve(), None) == {}


def test_the_log_of_a_large_fleet_stays_short() -> None:
    here = np.arange(10_000) % 2 == 0
    found = absent_of(fleet(5_000, 5_000).resolve(), here)
    assert found["num_absent"] == 5_000
    assert isinstance(found["absent"], dict)
    ranges = found["absent"]["round_trace"]
    assert isinstance(ranges, list)
    assert len(ranges) == MOST_RANGES
    assert ranges[-1] == [1999, 1999]
    assert list(found["absent"]) == ["round_trace"]
