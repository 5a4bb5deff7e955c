"""The small charts of a run's page that follow single aspects: bytes, privacy, attacks, fairness, staleness.

Each is there for every run and shows itself with the first value of what it is about.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """One line of a track.

    Attributes:
        metric: name in the run's series.
        label: for people.
        by_round: whether the metric adds up over the run and its growth per round is drawn.
    """

    metric: str
    label: str
    by_round: bool = False


@dataclass(frozen=True)
class Track:
    """One small chart.

    Attributes:
        name: its id on the page.
        title: heading.
        note: what it says.
        unit: of all its lines, as ``webapp.experiments.measures`` writes units.
        lines: what is drawn; the chart is shown from the first value of the first line on.
    """

    name: str
    title: str
    note: str
    unit: str
    lines: tuple[Line, ...]

    def has(self, metrics: Collection[str]) -> bool:
        """Whether the metric that it is about is known."""
        return self.lines[0].metric in metrics

    def as_json(self) -> dict[str, Any]:
        """What the page's script needs."""
        return asdict(self)


TRACKS = (
    Track(
        "bytes", "Bytes by direction", "Payload of all messages of a round, as it was really encoded.", "B",
        (Line("bytes_up", "Up", by_round=True), Line("bytes_down", "Down", by_round=True)),
    ),
    Track(
        "privacy", "Privacy spent", "Epsilon of the guarantee after each round; it only grows.", "",
        (Line("epsilon", "Epsilon"),),
    ),
    Track(
        "clipping", "Bound on updates", "The norm to which the server clips every client's update.", "",
        (Line("clip_norm", "Clipping norm"),),
    ),
    Track(
        "attack", "Attack",
        "Success is the share of foreign test samples that the attacker's trigger turns into its label.", "%",
        (Line("attack_success", "Attack's success"), Line("accuracy", "Accuracy")),
    ),
    Track(
        "fairness", "Fairness over clients",
        "Accuracy of the model on the own samples of the worst tenth of the clients, beside that on the test set.", "%",
        (Line("accuracy_worst10", "Worst tenth of clients"), Line("accuracy", "Test set")),
    ),
    Track(
        "spread", "Spread over clients", "Standard deviation of the accuracy between clients.", "%",
        (Line("accuracy_std_clients", "Standard deviation"),),
    ),
    Track(
        "personal", "Personal models", "Accuracy of each client's own model on its held-out samples, beside the mean "
        "model's on the test set.", "%",
        (Line("personal_accuracy", "Personal models"), Line("accuracy", "Mean model")),
    ),
    Track(
        "staleness", "Staleness", "How many updates of the model a client's update came late, by update of the model.",
        "", (Line("staleness_mean", "Mean"), Line("staleness_max", "Largest")),
    ),
    Track(
        "consensus", "Distance from consensus", "How far the devices' models lie from their mean.", "",
        (Line("consensus_distance", "Distance"),),
    ),
    Track(
        "compression", "Compression", "Bytes of the plain message over those of the encoded one.", "",
        (Line("compression_up", "Up"), Line("compression_down", "Down")),
    ),
)  # fmt: skip
"""All tracks, in the order of the page."""
