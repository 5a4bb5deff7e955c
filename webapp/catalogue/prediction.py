"""How well the model of compute time predicts published benchmarks: the table of its page."""

from dataclasses import dataclass
from statistics import median

from engine.core.catalogue_file import read_lines
from engine.costs.published import TITLES, Prediction, leave_one_out
from engine.fleet.catalogue import PATH


@dataclass(frozen=True)
class PredictionRow:
    """One workload of one benchmarked system, predicted from the system's other workloads.

    Attributes:
        found: the prediction.
        title: what the workload is called.
        is_of_catalogue: whether a device of the catalogue rests on this system.
    """

    found: Prediction
    title: str
    is_of_catalogue: bool


@dataclass(frozen=True)
class Summary:
    """The error over some predictions.

    Attributes:
        title: over which.
        num_systems: benchmarked systems.
        num_predictions: how many predictions.
        error: median of the absolute errors, as a share of what was measured.
        one_rate_error: the same if a device had one speed for everything.
    """

    title: str
    num_systems: int
    num_predictions: int
    error: float
    one_rate_error: float


def predictions() -> list[PredictionRow]:
    """All predictions, those of the catalogue's systems first; the first call takes a second or two."""
    used = {row["int8_from"].removeprefix("system ") for row in read_lines(PATH)}
    rows = [PredictionRow(one, TITLES[one.workload], one.system.name in used) for one in leave_one_out()]
    return sorted(rows, key=lambda row: not row.is_of_catalogue)


def summaries(rows: list[PredictionRow]) -> list[Summary]:
    """The median errors: of the systems that the catalogue rests on, and of all."""
    own = [row.found for row in rows if row.is_of_catalogue]
    return [
        _summary("Systems that devices of the catalogue rest on", own),
        _summary("All", [row.found for row in rows]),
    ]


def _summary(title: str, found: list[Prediction]) -> Summary:
    return Summary(
        title,
        len({one.system.name for one in found}),
        len(found),
        median(abs(one.error) for one in found),
        median(abs(one.one_rate_error) for one in found),
    )
