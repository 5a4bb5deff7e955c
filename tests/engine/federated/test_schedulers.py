"""Who is in time, who is dropped, and what those who are dropped have spent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.federated.rounds.sessions import NEVER, Sessions, Times, cut, samples_in
from engine.federated.scheduler import LATE, NOT_NEEDED, Called, Decision, RoundScheduler
from engine.federated.schedulers.deadline import Deadline
from engine.federated.schedulers.synchronous import Synchronous


def called(paces: list[float], *, sizes: int = 20, epochs: int = 2, batch_size: int = 8) -> Called:
    """Clients that each take 1 s for the message down, so many seconds for a sample, and 2 s for the message up."""
    count = len(paces)
    clients, each = 10 * np.arange(count), np.full(count, sizes)
    steps = -(-each // batch_size) * epochs

    def measure(sessions: Sessions) -> Times:
        pace = np.array([paces[client // 10] for client in sessions.client])
        received = np.ones(len(sessions))
        trained = received + pace * sessions.samples
        return Times(np.zeros(len(sessions)), received, trained, trained + 2)

    return Called(Sessions.of(clients, each * epochs, steps, bytes_down=1000, bytes_up=400), each, batch_size, measure)


def test_waits_for_all_without_asking_for_times() -> None:
    whole = called([1, 2, 3])
    blind = Called(whole.sessions, whole.sizes, whole.batch_size, measure=None)  # type: ignore[arg-type]
    decision = Synchronous().decide(blind)
    assert decision.clients.tolist() == [0, 10, 20]
    assert (decision.reasons, decision.length_s) == ({}, None)
    assert not Synchronous().depends_on_costs


def test_closes_with_the_first() -> None:
    """Four called, three needed: they are there after 43 s, 83 s and 123 s; the fourth would take 163 s."""
    scheduler = Synchronous(enough=0.75)
    decision = scheduler.decide(called([3, 1, 4, 2]))
    assert decision.clients.tolist() == [0, 10, 30]
    assert decision.reasons == {20: NOT_NEEDED}
    assert decision.length_s == 123
    # the one that is not needed has trained for 122 s of its 160 s: 30 of its 40 samples, 4 of its 6 steps
    (spent,) = (decision.sessions.take(decision.sessions.counts == 0),)
    assert (spent.samples.tolist(), spent.steps.tolist(), spent.bytes_up.tolist()) == ([30], [4], [NEVER])
    assert scheduler.depends_on_costs


@pytest.mark.parametrize(("enough", "count", "needed"), [(0.07, 100, 7), (0.01, 3, 1), (0.999, 3, 3), (0.34, 3, 2)])
def test_how_many_are_enough(enough: float, count: int, needed: int) -> None:
    assert len(Synchronous(enough=enough).decide(called(list(range(1, count + 1)))).clients) == needed


def test_of_those_that_arrive_together_the_lower_ids_count() -> None:
    assert Synchronous(enough=0.5).decide(called([1, 1, 1, 1])).clients.tolist() == [0, 10]


def test_late_clients_are_dropped() -> None:
    """They arrive after 1 + 40 pace + 2 s."""
    decision = Deadline(deadline_s=100).decide(called([1, 2, 2.425, 2.45, 10]))
    assert decision.clients.tolist() == [0, 10, 20]  # the third at 100 s
    assert decision.reasons == {30: LATE, 40: LATE}
    assert decision.length_s == 100
    spent = decision.sessions.take(decision.sessions.counts == 0)
    # the one has trained at 99 s and sent half of its update, the other has passed 9.9 of 40 samples
    assert spent.samples.tolist() == [40, 9]
    assert spent.bytes_up.tolist() == [200, NEVER]
    assert spent.bytes_down.tolist() == [1000, 1000]


def test_all_in_time_need_no_deadline() -> None:
    decision = Deadline(deadline_s=100).decide(called([1, 2]))
    assert (decision.reasons, decision.length_s) == ({}, None)


def test_stragglers_do_what_fits() -> None:
    """20 samples in batches of 8: steps of 8, 8 and 4 samples, twice; there are 50 - 3 = 47 s to train."""
    decision = Deadline(deadline_s=50, late="partial").decide(called([1, 2, 4, 6]))
    assert decision.clients.tolist() == [0, 10, 20]
    # at 2 s a sample 23 samples fit: 8, 8 and 4 are 20, another 8 too many; at 4 s 11 samples: one step
    assert decision.most_steps.tolist() == [6, 3, 1]
    assert decision.sessions.samples.tolist()[:3] == [40, 20, 8]
    assert decision.reasons == {30: LATE}, "not even one step of 48 s fits"


def test_samples_of_the_first_steps() -> None:
    steps = np.arange(7)
    assert samples_in(steps, np.full(7, 20), 8).tolist() == [0, 8, 16, 20, 28, 36, 40]
    assert samples_in(np.array([1, 2]), np.array([3, 3]), 8).tolist() == [3, 6]


def test_what_is_broken_off_before_it_began() -> None:
    whole = called([1.0]).sessions
    times = Times(*(np.array([moment]) for moment in (2.0, 4.0, 44.0, 46.0)))
    for moment, expected in (
        (1.0, (NEVER, NEVER, NEVER)),
        (3.0, (500, NEVER, NEVER)),
        (4.0, (1000, NEVER, NEVER)),
        (24.0, (1000, 20, NEVER)),
        (45.0, (1000, 40, 200)),
    ):
        spent = cut(whole, times, moment)
        assert (spent.bytes_down[0], spent.samples[0], spent.bytes_up[0]) == expected, moment


paces = st.lists(st.floats(0.01, 20), min_size=1, max_size=12)


@given(paces, st.sampled_from(["drop", "partial"]), st.floats(0.5, 500))
def test_every_client_arrives_or_is_late(paces: list[float], late: str, deadline_s: float) -> None:
    whole = called(paces)
    decision = Deadline(deadline_s=deadline_s, late=late).decide(whole)
    assert_conserved(whole, decision)
    times = whole.measure(decision.sessions.take(decision.sessions.counts > 0))
    assert (times.sent <= deadline_s).all()
    assert (decision.most_steps >= 1).all()


@given(paces, st.floats(0.01, 1))
def test_every_client_arrives_or_is_not_needed(paces: list[float], enough: float) -> None:
    whole = called(paces)
    decision = Synchronous(enough=enough).decide(whole)
    assert_conserved(whole, decision)
    assert len(decision.clients) >= 1


def assert_conserved(whole: Called, decision: Decision) -> None:
    """Nobody is lost without a reason, and nobody spends more than its whole session."""
    assert decision.sessions.client.tolist() == whole.sessions.client.tolist()
    assert sorted([*decision.clients.tolist(), *decision.reasons]) == whole.sessions.client.tolist()
    for name in ("bytes_down", "samples", "steps", "bytes_up"):
        assert (getattr(decision.sessions, name) <= getattr(whole.sessions, name)).all()
    began = decision.sessions.bytes_up >= 0
    assert (decision.sessions.samples[began] >= 0).all()


def test_every_scheduler_of_rounds_takes_an_empty_cohort() -> None:
    for member in (Synchronous(), Synchronous(enough=0.5), Deadline(), Deadline(late="partial")):
        assert isinstance(member, RoundScheduler)
        assert len(member.decide(called([])).clients) == 0
