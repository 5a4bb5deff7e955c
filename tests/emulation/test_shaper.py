"""What loss costs a message where there is no TCP: the model of retransmission."""

import numpy as np
import pytest

from engine.core.streams import stream
from engine.emulation.shaper import repair_s


def draws(segments: int, loss: float) -> np.ndarray:
    draw = stream(0, "repairs", segments)
    return np.array([repair_s(draw, segments, loss, trip_s=0.05, tau_s=0.01) for _ in range(20_000)])


def test_nothing_is_lost() -> None:
    assert not draws(5, 0.0).any()


def test_a_lone_segment_waits_for_the_timeout_which_doubles() -> None:
    found = draws(1, 0.1)
    # Round trip 50 ms and 200 ms beyond it; twice as long after the second loss.
    assert sorted(set(np.round(found, 9).tolist()))[:3] == [0.0, 0.25, 0.75]
    assert (found > 0).mean() == pytest.approx(0.1, abs=0.01)
    assert (found > 0.3).mean() == pytest.approx(0.01, abs=0.003)


def test_several_are_saved_by_a_probe_or_by_what_follows() -> None:
    found = draws(4, 0.05)
    # A probe after two round trips and 8 ms; else 1.25 round trips less half of the flight: 62.5 - 20 ms.
    assert {0.0, 0.0425, 0.108} <= set(np.round(found, 9).tolist())
    assert (found > 0).mean() == pytest.approx(1 - 0.95**4, abs=0.01)
