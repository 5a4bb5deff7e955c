"""The kinds of events, their bodies and their page agree."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from engine.core.events import BODIES, Event, EventKind

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "events.md"


def test_every_kind_is_documented() -> None:
    assert set(BODIES) == set(get_args(EventKind))
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for kind in BODIES:
        assert any(row.startswith(f"| `{kind}` |") for row in rows), kind


def test_an_event_of_another_kind_is_refused() -> None:
    with pytest.raises(ValidationError):
        Event(kind="gossip", body={})
