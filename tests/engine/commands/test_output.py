"""What people see: quantities, time spans and the progress line."""

import io

import pytest

from engine.commands.output import duration, si
from engine.commands.progress import ProgressLine, Reporter, Silence
from engine.core.events import Event
from engine.runs.sinks import HostTimes
from engine.task.context import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It does."""
        return True


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (1, "1 B"), (999.4, "999 B"), (999.6, "1 kB"), (1234, "1.23 kB"), (5.5e9, "5.5 GB"), (0.012, "12 mB")],
)
def test_quantities_have_three_digits_and_a_prefix(value: float, text: str) -> None:
    assert si(value, "B") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 s"), (59, "59 s"), (61, "1:01 min"), (3599.6, "1:00 h"), (7620, "2:07 h"), (200_000, "2.3 d")],
)
def test_time_spans_read_as_people_write_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_progress_line_tells_round_accuracy_and_time_left() -> None:
    stream = Terminal()
    line = ProgressLine("seed 0", stream)
    line.write([Event(kind="metrics", body={"values": {"accuracy": 0.5, "loss": 1.0}}, seq=1)])
    line.progress(Progress(1, 4, "round"), HostTimes(10.0, 30.0))
    line.progress(Progress(4, 4, "round"), HostTimes(40.0, 0.0))
    line.close()
    first, last = stream.getvalue().replace("\x1b[K", "").strip("\r\n").split("\r")
    assert first == "seed 0 · round 1/4 · accuracy 0.5000 · 30 s left"
    assert last == "seed 0 · round 4/4 · accuracy 0.5000"


def test_only_a_terminal_gets_lines() -> None:
    stream = io.StringIO()
    reporter = Reporter(stream)
    reporter.download("file", 1, 2)
    assert isinstance(reporter.begin(None, 1, 1), Silence)  # type: ignore[arg-type]
    assert stream.getvalue() == ""
    terminal = Terminal()
    Reporter(terminal).download("file", 1, 2)
    assert "downloading file: 50 %" in terminal.getvalue()
