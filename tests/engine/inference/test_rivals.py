"""What stands beside a network of students: the same budget, rows with costs, refusals."""

import pytest

from engine.core.errors import SpecError
from engine.core.events import Event
from engine.inference.agenda import agenda_of
from engine.inference.nonn.rivals import graph_of, rival_network, rivals_of
from engine.inference.stages.rivals import TeachRival
from engine.inference.stages.teaching import Teach
from engine.runs.loop import Outcome
from engine.specs.text import parse
from tests.engine.inference.test_inference_task import SPEC, body, carried_out, world_of

STEPS = 60
SPLITTER = (
    "{kind: nonn, num_students: 2, num_learned: 12, weights: [1, 2], students: [{kind: mlp, hidden: [24]}], filters: "
    "{percentile: 50}}"
)
DIVISIONS = "[{kind: random}, {kind: community, assignment: authors}]"
NETWORK = (
    f"task.splitter={SPLITTER}",
    f"task.training={{steps: {STEPS}, batch_size: 64, optimizer: adam, lr: 0.01}}",
    "task.failures={renew: false, most_lost: 0}",
    f"task.baselines={{distilled: true, ensemble: true, divisions: {DIVISIONS}}}",
)
NAMES = ("distilled", "distilled_split", "ensemble", "partition_random", "partition_community_authors")


@pytest.fixture(scope="module")
def trained() -> tuple[Outcome, list[Event]]:
    """One run with everything beside the students."""
    return carried_out(*NETWORK)


@pytest.mark.slow
def test_every_rival_has_a_row_with_what_it_costs(trained: tuple[Outcome, list[Event]]) -> None:
    rows = {event.body["name"]: event.body for event in trained[1] if event.kind == "contender"}
    told = [row["name"] for row in trained[1][0].body["contenders"]]
    assert list(rows) == told
    assert set(NAMES) <= set(rows)
    for name in NAMES:
        assert rows[name]["accuracy"] > 0.3
        assert min(rows[name][key] for key in ("macs", "peak_memory_bytes", "message_bytes", "most_energy_j")) > 0
    # Students that learn equally many filters cost the same, whoever chose the filters.
    for key in ("macs", "parameter_bytes"):
        assert rows["partition_random"][key] == rows["chosen"][key]
    assert rows["distilled_split"]["accuracy"] == rows["distilled"]["accuracy"]
    assert rows["distilled_split"]["most_macs"] < rows["distilled"]["most_macs"]
    assert rows["distilled_split"]["num_messages"] > rows["chosen"]["num_messages"]
    metrics = trained[0].summary.metrics if trained[0].summary else {}
    assert metrics["ensemble_accuracy"] == rows["ensemble"]["accuracy"]
    assert all(0 < metrics[f"{name}accuracy_one_lost"] <= 1 for name in ("", "ensemble_"))


def test_weights_and_the_number_of_filters_decide_who_learns_how_many(trained: tuple[Outcome, list[Event]]) -> None:
    assert [student["num_filters"] for student in body(trained[1], "filters")["students"]] == [4, 8]


def test_all_learn_for_as_many_steps_and_one_student_is_as_large_as_all() -> None:
    world = world_of(*NETWORK)
    taught = [job.num_steps for job in agenda_of(world).jobs if isinstance(job, Teach | TeachRival)]
    assert taught == [STEPS] * 6  # the students, one student, two members, two divisions
    distilled = rivals_of(world)[0]
    size = graph_of(rival_network(world, distilled, ())).num_parameters
    assert size == pytest.approx(world.expected_network.num_parameters, rel=0.1)


def test_only_students_have_rivals() -> None:
    with pytest.raises(SpecError, match="nonn"):
        parse(SPEC, settings=["task.baselines={distilled: true}"])
