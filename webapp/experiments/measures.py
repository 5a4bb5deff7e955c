"""What is measured about a run: the title, the unit and the better side of every metric and cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A metric or a cost.

    Attributes:
        name: as results and events call it.
        title: for people.
        unit: SI symbol of the stored values; ``%`` for a share between 0 and 1, empty for a plain number.
        better: ``higher``, ``lower``, or empty where neither side is better.
    """

    name: str
    title: str
    unit: str = ""
    better: str = ""

    @property
    def word(self) -> str:
        """The title within a sentence."""
        return self.title[:1].lower() + self.title[1:]


_KNOWN = {
    measure.name: measure
    for measure in (
        Measure("accuracy", "Accuracy", "%", "higher"),
        Measure("loss", "Loss", "", "lower"),
        Measure("train_loss", "Training loss", "", "lower"),
        Measure("divergence", "Divergence", "", "lower"),
        Measure("accuracy_worst10", "Accuracy of the worst tenth of clients", "%", "higher"),
        Measure("accuracy_std_clients", "Deviation of accuracy between clients", "%", "lower"),
        Measure("personal_accuracy", "Accuracy of personal models", "%", "higher"),
        Measure("attack_success", "Success of the attack", "%", "lower"),
        Measure("epsilon", "Privacy spent (epsilon)", "", "lower"),
        Measure("clip_norm", "Clipping norm", "", ""),
        Measure("student_accuracy", "Accuracy of the student", "%", "higher"),
        Measure("teacher_accuracy", "Accuracy of the teacher", "%", "higher"),
        Measure("points_below_oracle", "Points below the oracle", "points", "lower"),
        Measure("agreement", "Agreement with the teacher", "%", "higher"),
        Measure("teacher_confidence", "Confidence of the teacher", "%", ""),
        Measure("teacher_agreement", "Images in which the teacher sees their class", "%", "higher"),
        Measure("verifier_accuracy", "Images in which another network sees their class", "%", "higher"),
        Measure("distillation_loss", "Loss of the student", "", "lower"),
        Measure("consensus_distance", "Distance from consensus", "", "lower"),
        Measure("staleness_mean", "Mean staleness", "", "lower"),
        Measure("staleness_max", "Largest staleness", "", "lower"),
        Measure("compression_up", "Compression up", "", "higher"),
        Measure("compression_down", "Compression down", "", "higher"),
        Measure("rounds", "Rounds", "", "lower"),
        Measure("round_time_s", "Time of a round", "s", "lower"),
        Measure("round_time_p50_s", "Median time of a round", "s", "lower"),
        Measure("round_time_p95_s", "95th percentile of a round's time", "s", "lower"),
        Measure("time_s", "Simulated time", "s", "lower"),
        Measure("device_time_s", "Busy time of devices", "s", "lower"),
        Measure("energy_j", "Energy", "J", "lower"),
        Measure("network_energy_j", "Energy of the network", "J", "lower"),
        Measure("bytes_up", "Sent up", "B", "lower"),
        Measure("bytes_down", "Sent down", "B", "lower"),
        Measure("wire_bytes", "On the wire", "B", "lower"),
        Measure("share_recalled", "Recalled figures", "%", ""),
    )
}


def measure_of(name: str) -> Measure:
    """The measure of that name; of an unknown one the title and unit are read from its name."""
    known = _KNOWN.get(name)
    if known is not None:
        return known
    words, _, last = name.rpartition("_")
    unit = {"s": "s", "j": "J", "bytes": "B", "w": "W"}.get(last, "") if words else ""
    title = (words if unit and unit != "B" else name).replace("_", " ")
    return Measure(name, title[:1].upper() + title[1:], unit)


def in_order(names: set[str]) -> list[str]:
    """Names with the known ones first, in the order in which people ask for them."""
    return [name for name in _KNOWN if name in names] + sorted(names - _KNOWN.keys())
