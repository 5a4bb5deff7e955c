"""Sinks: each event once, whatever comes again."""

import json
from pathlib import Path

import pytest

from engine.core.events import Event
from engine.runs.sinks import JsonlSink, MemorySink, Tee, read_events


def events(*numbers: int) -> list[Event]:
    """Events with these numbers."""
    return [Event(kind="log", body={"message": f"event {number}"}, seq=number) for number in numbers]


def test_a_file_takes_each_event_once(tmp_path: Path) -> None:
    place = tmp_path / "events.jsonl"
    sink = JsonlSink(place)
    sink.write(events(1, 2))
    sink.write(events(1, 2, 3))
    sink.flush()
    sink.close()
    sink.close()
    again = JsonlSink(place)
    assert again.last_seq == 3
    again.write(events(2, 3, 4))
    again.close()
    assert [line["seq"] for line in read_events(place)] == [1, 2, 3, 4]


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_line_that_was_cut_short_is_written_anew(tmp_path: Path, cut: int) -> None:
    place = tmp_path / "events.jsonl"
    sink = JsonlSink(place)
    sink.write(events(1, 2, 3))
    sink.close()
    whole = place.read_bytes()
    place.write_bytes(whole[:-cut])
    assert [line["seq"] for line in read_events(place)] == [1, 2]
    again = JsonlSink(place)
    assert again.last_seq == 2
    again.write(events(3))
    again.close()
    assert place.read_bytes() == whole


def test_a_tee_starts_where_its_slowest_sink_is(tmp_path: Path) -> None:
    ahead, behind = MemorySink(), JsonlSink(tmp_path / "events.jsonl")
    ahead.write(events(1, 2))
    both = Tee(ahead, behind)
    assert both.last_seq == 0
    both.write(events(1, 2, 3))
    both.flush()
    both.close()
    assert [event.seq for event in ahead.events] == [1, 2, 3]
    assert [line["seq"] for line in read_events(tmp_path / "events.jsonl")] == [1, 2, 3]


def test_a_line_is_json_without_surprises(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "events.jsonl")
    sink.write([Event(kind="log", body={"message": "é\n\u2028"}, sim_time_s=1.5, seq=1)])
    sink.close()
    (line,) = (tmp_path / "events.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert json.loads(line) == {"seq": 1, "kind": "log", "sim_time_s": 1.5, "body": {"message": "é\n\u2028"}}
