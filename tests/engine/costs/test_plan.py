"""Plans that cannot work are refused before launch, with the reason."""

from typing import Any

import pytest

from engine.core.errors import SpecError
from engine.costs.model import CostModel
from engine.costs.plan import message_problems
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec
from engine.specs.text import parse


def model_of(**network: Any) -> CostModel:
    """Two groups over a network."""
    fleet = FleetSpec.model_validate({"groups": [{"name": "a", "count": 3}, {"name": "b", "count": 3}]}).resolve()
    return CostModel(fleet, NetworkSpec.model_validate(network).resolve(fleet))


def test_an_update_of_270_thousand_parameters_takes_68_days_on_lorawan_sf12() -> None:
    """1.08 MB at 146.1 bit/s and 1 % duty cycle: 1.08e6 x 8 / 146.1 / 0.01 s = 68.4 days, and 5 % loss."""
    found = message_problems(model_of(links={"a": "lorawan_eu868_sf12"}), 0, 1_080_000, "model")
    assert [problem.path for problem in found] == ["model"]
    assert "a message of 1,080,000 bytes from group 'a' takes 72 days over LoRaWAN EU868 SF12" in found[0].message
    assert "(146 bit/s while sending, 1 % duty cycle); allowed are messages of up to 7 days" in found[0].message


def test_both_directions_and_all_groups_are_said_at_once() -> None:
    found = message_problems(model_of(links={"default": "lorawan_eu868_sf12"}), 10**6, 10**6, "model")
    assert [(p.message.split(" bytes ")[1][:12]) for p in found] == [
        "to group 'a'",
        "to group 'b'",
        "from group '",
        "from group '",
    ]


@pytest.mark.parametrize("topology", ["star", "hierarchical", "tree"])
def test_what_can_work_passes(topology: str) -> None:
    model = model_of(links={"a": "lorawan_eu868_sf7"}, topology={"kind": topology})
    assert message_problems(model, 10_000, 10_000, "model") == []
    assert message_problems(model, 0, 0, "model") == []


def test_a_spec_with_such_a_plan_does_not_pass_the_door() -> None:
    text = """
    fleet: {groups: [{name: sensors, count: 3}]}
    network: {links: {sensors: lorawan_eu868_sf12}}
    task: {kind: federated, dataset: {kind: digits}, model: {kind: mlp, hidden: [5000]}, sampler: {num_clients: 2}}
    """
    with pytest.raises(SpecError, match=r"task.model: a message of .* days over LoRaWAN EU868 SF12"):
        parse(text.replace("sampler: {num", "sampler: {kind: uniform, num"))
