"""What a run says about itself, in order: the append-only log that every page, file and client of the API reads.

``old state + events = new state``: a reader who applies the events in order knows what the run's page shows. Events
that follow from a step are numbered and repeat identically after a crash; host times and progress travel outside the
log.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

EventKind = Literal[
    "started", "cohort", "metrics", "clients", "ledger", "log", "image", "contender", "export", "audit",
    "filters", "exits", "plan", "requests", "failures", "finished",
]  # fmt: skip
"""The kinds of events; ``docs/reference/events.md`` and :data:`BODIES` say what each carries."""

BODIES: dict[str, str] = {
    "started": "digest, seed, and figures of the run that never change (num_devices, num_clients, num_parameters, ...)",
    "cohort": "round, clients (ids of the devices that take part), dropped (ids with their reason), message_bytes (of "
    "one down and one up), absent (by kind of availability the first and last ids of those that could not be reached), "
    "asked (ids of those that told the loss of the model before the choice, where a sampler asks)",
    "metrics": "round, values: {name: number}; always with the cumulative time_s, energy_j, bytes_up and bytes_down",
    "clients": "round, num_clients, ids and equally long columns (loss, num_samples, time_s, ...), a place per client; "
    "measured (ids, accuracy of the model on the own samples of each) with evaluation.fairness",
    "ledger": "round, rows of this round's cost by owner and phase: time_s, energy_j, bytes_up, bytes_down, ...",
    "log": "level (info, warning), message",
    "image": "name (batch-12; the same name later shows the same batch further on), stage, step, caption, png (base64 "
    "of a sheet of pictures, at most 48 KiB), columns, tile (pictures in a row, pixels of an edge), labels (of each)",
    "contender": "a row of the table of plans of a distributed inference (name, title, role, accuracy, latency_s, "
    "macs, most_macs, message_bytes, energy_j_per_inference, ...), or of a data-free deployment: name, title, role, "
    "accuracy, loss, recall (by class), "
    "agreement (with the teacher), num_parameters, macs, bytes (by precision), peak_memory_bytes, devices (group, "
    "device, latency_s and energy_j of one answer, fits, excess_bytes, and by precision what fits); the same name "
    "again replaces the row",
    "export": "a file of the final model that was loaded again and run on the test samples: name, contender, format, "
    "precision, num_bytes, accuracy (of the file), top1_agreement and max_abs_difference (to the model in memory)",
    "audit": "sentence, signals (names of what separates members), figures by name (student_auc, ...)",
    "exits": "early exits of a network: policy, threshold, rates (share of the test samples that each answers), exits "
    "(name, accuracy of its answers to all samples), curve (threshold, accuracy, rates)",
    "filters": "the network of a teacher's filters, and who learns them; see engine.inference.nonn.filter_page",
    "plan": "what is computed where in a distributed inference, a plan of the comparison (name), the one that is "
    "carried out last: stages (piece, device, parameter_bytes, peak_bytes, start_s, end_s, share of the inferences "
    "that need it, macs, energy_j), messages (content, source, target, num_bytes, start_s, end_s, share), devices "
    "(device, memory_bytes, memory_available, energy_j, waiting_j, busy_s), latency_s, throughput_rps, energy_j, bound "
    "and gap of the "
    "objective, explanation, survival; of the last one also standby (device, others) and wires (content, source and "
    "target piece, num_bytes), with early exits ways (latency_s and energy_j of an inference that leaves at each)",
    "requests": "a stream of requests: num_requests, num_seconds, percents with the seconds within which so many were "
    "answered, moments with how many were under_way, resources (name, busy), the busiest first",
    "failures": "what comes of losing devices of the plan: losses (devices, outcome, accuracy, latency_s, first_s, "
    "moved_bytes, device_of and stage_j (energy) of each piece, shares: as devices of a plan), num_sets, is_sample, "
    "critical (devices), curve (by num_lost), figures",
    "finished": "reason (target_reached, all_rounds, privacy_budget, deployed, served), metrics: final values by name",
}
"""What the body of each kind holds."""


class Event(BaseModel):
    """One entry of a run's log.

    The loop gives each event of a run the next ``seq``, starting at 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: EventKind
    body: dict[str, Any]
    sim_time_s: float | None = None
    """Simulated time at which it happened, in seconds since the start of the run; None where time has no meaning."""
    seq: int = 0
    """Place in the run's log, from 1; 0 as long as the loop has not numbered it."""
