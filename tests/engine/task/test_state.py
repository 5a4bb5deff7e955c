"""State and the persistent mapping of per-client tensors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.task.state import Clients, State


def one(value: float) -> dict[str, np.ndarray]:
    return {"c": np.array(value)}


ids = st.integers(0, 5000)
updates = st.lists(st.dictionaries(ids, st.floats(0, 1), max_size=5), max_size=6)


@pytest.mark.slow
@given(updates)
@settings(deadline=None)
def test_clients_behave_like_a_dict_and_know_what_changed(steps: list[dict[int, float]]) -> None:
    clients, model = Clients(), {}
    first, touched = clients, set()
    for step in steps:
        entries = {client: one(value) for client, value in step.items()}
        before = dict(clients)
        clients, earlier = clients.updated(entries), clients
        assert dict(earlier) == before
        assert clients.changed_since(earlier) == set(entries)
        model.update(entries)
        touched |= set(entries)
    assert dict(clients) == model
    assert list(clients) == sorted(model)
    assert len(clients) == len(model)
    assert clients.changed_since(first) == touched


def test_an_update_shares_what_it_does_not_touch() -> None:
    many = Clients({client: one(client) for client in range(10_000)})
    after = many.updated({7: one(1.0)})
    assert after.changed_since(many) == {7}
    assert after[8] is many[8]
    assert many[7]["c"] == 7.0


def test_a_client_that_has_nothing_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Clients({1: one(1.0)})[2]
    with pytest.raises(KeyError):
        Clients()[5000]


def test_replace_makes_a_new_state() -> None:
    old = State({"round": 1, "gone": 2}, {"w": np.zeros(2), "block": np.ones(1)})
    new = old.replace({"round": 2}, {"w": np.ones(2)}, {3: one(1.0)}, drop=["gone", "block"])
    assert old.values == {"round": 1, "gone": 2}
    assert set(old.tensors) == {"w", "block"}
    assert not old.clients
    assert new.values == {"round": 2}
    assert set(new.tensors) == {"w"}
    assert np.array_equal(new.tensors["w"], np.ones(2))
    assert list(new.clients) == [3]
