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
        Measure("latency_s", "Latency of an answer", "s", "lower"),
        Measure("mean_latency_s", "Mean latency", "s", "lower"),
        Measure("latency_p50_s", "Median latency", "s", "lower"),
        Measure("latency_p90_s", "90th percentile of latency", "s", "lower"),
        Measure("latency_p99_s", "99th percentile of latency", "s", "lower"),
        Measure("answered_rps", "Answers per second", "1/s", "higher"),
        Measure("sustained_rps", "Most answers per second", "1/s", "higher"),
        Measure("load", "Load of the busiest device or link", "%", "lower"),
        Measure("busiest", "Time for which the busiest is busy", "%", "lower"),
        Measure("share_timed_out", "Answers that come too late", "%", "lower"),
        Measure("energy_j_per_inference", "Energy of an answer", "J", "lower"),
        Measure("most_energy_j", "Energy of the busiest device", "J", "lower"),
        Measure("peak_memory_bytes", "Memory of the fullest device", "B", "lower"),
        Measure("parameter_bytes", "Weights in all", "B", "lower"),
        Measure("macs", "Work of an answer", "MAC", "lower"),
        Measure("most_macs", "Work of the busiest device", "MAC", "lower"),
        Measure("message_bytes", "Bytes of an answer", "B", "lower"),
        Measure("worst_accuracy", "Least accuracy after losses", "%", "higher"),
        Measure("expected_accuracy_low", "Expected accuracy, at least", "%", "higher"),
        Measure("expected_accuracy_high", "Expected accuracy, at most", "%", "higher"),
        Measure("answer_probability_low", "Probability of an answer, at least", "%", "higher"),
        Measure("answer_probability_high", "Probability of an answer, at most", "%", "higher"),
        Measure("longest_latency_s", "Longest latency after losses", "s", "lower"),
        Measure("num_critical", "Devices without which there is no answer", "", "lower"),
        Measure("joined_agreement", "Same answer as the whole network", "%", "higher"),
        Measure("joined_difference", "Largest difference to the whole network", "", "lower"),
        Measure("teacher_loss", "Loss of the network", "", "lower"),
        Measure("students_loss", "Loss of students", "", "lower"),
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
