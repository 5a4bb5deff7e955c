"""What all kinds of processes share: orders, facts, and a further kind in one small file."""

import pytest

from engine.emulation.laboratory import Host, Laboratory, Setting
from engine.emulation.links import Channel, Hop, Plan, to_json
from tests.emulation.conftest import require

COUNT = 3


@pytest.mark.slow
def test_a_further_kind_of_process_is_a_class_with_its_orders() -> None:
    ways = {(place, (place + 1) % COUNT): (Hop(0, 0.001),) for place in range(COUNT)}
    setting = Setting(require("loopback"), COUNT, 1280)
    with Host("tests.emulation.circle") as host, Laboratory(setting, host) as laboratory:
        host.call({"order": "plan", "plan": to_json(Plan((Channel(1e6),), ways, seed=1)), "size": 1280})
        told = {"patience_s": 10.0, "parts": [{"count": COUNT}] * COUNT}
        assert host.call({"order": "add", **told}) == [0 + 1 + 2, None, None]
        assert host.call({"order": "ping", **told}) == [None] * COUNT
        assert laboratory.watched().payload_bytes == COUNT * 12  # a frame each
