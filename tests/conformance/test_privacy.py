"""What every mechanism of privacy and every clipping promises."""

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from engine.core.streams import stream
from engine.privacy.clipping import Clipping, clippings
from engine.privacy.groups import norm_of
from engine.privacy.mechanism import Mechanism, Turn, mechanisms

CLIENTS, COHORT = 200, 40


def turn(number: int = 1, scheme: Any = "poisson") -> Turn:
    """The given round of a cohort that takes part in all of them."""
    return Turn(
        scheme=scheme, cohort_size=COHORT, num_candidates=CLIENTS, clients=np.arange(COHORT),
        samples=np.arange(100, 100 + COHORT), epochs=1, batch_size=20,
        norms=stream(0, "norms", number).lognormal(0.0, 1.0, COHORT), participations=np.full(COHORT, number),
    )  # fmt: skip


def update(scale: float, dtype: type) -> dict[str, dict[str, np.ndarray]]:
    draw = stream(1, "update")
    return {"weights": {name: (scale * draw.normal(size=shape)).astype(dtype) for name, shape in SHAPES.items()}}


SHAPES = {"a": (300, 40), "b": (40,), "c": (0,), "d": ()}


@pytest.fixture(params=list(mechanisms.members()))
def mechanism(request) -> Mechanism:
    return mechanisms[request.param]()


@pytest.fixture(params=list(clippings.members()))
def clipping(request) -> Clipping:
    return clippings[request.param]()


def book_of(mechanism: Mechanism, rounds: int) -> dict[str, Any]:
    book = mechanism.begin()
    for number in range(1, rounds + 1):
        book = mechanism.after(json.loads(json.dumps(book)), turn(number), stream(2, "after", number))
    return dict(json.loads(json.dumps(book)))


def test_its_default_settings_suit_a_poisson_cohort(mechanism) -> None:
    assert mechanism.check("poisson", COHORT) == []
    assert mechanism.source


def test_epsilon_starts_at_zero_and_never_falls(mechanism) -> None:
    spent = [mechanism.epsilon(book_of(mechanism, rounds)) for rounds in range(5)]
    assert spent[0] == 0.0
    assert all(later >= earlier for earlier, later in pairwise(spent))
    assert 0.0 < spent[-1] < math.inf
    assert mechanism.metrics(book_of(mechanism, 4))["epsilon"] == spent[-1]


def test_more_noise_costs_less(mechanism) -> None:
    louder = mechanism.model_copy(update={"noise_multiplier": 2.0 * mechanism.noise_multiplier})
    assert louder.epsilon(book_of(louder, 3)) < mechanism.epsilon(book_of(mechanism, 3))


def test_both_accountants_agree_roughly(mechanism) -> None:
    tighter = mechanism.model_copy(update={"accountant": "pld"})
    book = book_of(mechanism, 3)
    assert 0.6 < tighter.epsilon(book) / mechanism.epsilon(book) <= 1.0


def test_what_is_expected_is_of_the_size_of_what_is_spent(mechanism) -> None:
    spent = mechanism.epsilon(book_of(mechanism, 6))
    assert spent / 3 < mechanism.expected_epsilon(6, turn()) < 3 * spent


def test_the_budget_is_kept(mechanism) -> None:
    limit = mechanism.epsilon(book_of(mechanism, 3))
    limited = mechanism.model_copy(update={"target_epsilon": limit * (1 + 1e-9)})
    assert not limited.is_exhausted(book_of(limited, 2), turn(3), stream(0, "n"))
    assert limited.is_exhausted(book_of(limited, 3), turn(4), stream(0, "n"))
    assert not mechanism.is_exhausted(book_of(mechanism, 3), turn(4), stream(0, "n"))


def test_facts_are_plain(mechanism) -> None:
    facts = mechanism.facts()
    assert json.loads(json.dumps(facts)) == facts
    assert {"level", "where", "noise_multiplier", "delta"} <= set(facts)


@pytest.mark.parametrize("kind", [kind for kind, cls in mechanisms.members().items() if cls.clips_updates])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e12])
def test_what_is_sent_is_bounded(kind, scale, dtype) -> None:
    """The norm after clipping is at most the bound, and noise on it has the stated scale."""
    mechanism = mechanisms[kind]()
    groups, book = update(scale, dtype), mechanism.begin()
    sent = mechanism.outgoing(groups, book, stream(3, "out"))
    again = mechanism.outgoing({"weights": dict(reversed(groups["weights"].items()))}, book, stream(3, "out"))
    assert sent.norm == norm_of(groups)
    for name, array in sent.groups["weights"].items():
        assert array.dtype == dtype
        assert array.shape == SHAPES[name]
        assert (array == again.groups["weights"][name]).all()  # whatever the order of the names
    if mechanism.where == "central":
        assert norm_of(sent.groups) <= mechanism.metrics(book)["clip_norm"]
        return
    bound, names = mechanism.clip_norm, list(SHAPES)
    clipped = {name: groups["weights"][name] * min(1.0, bound / sent.norm) for name in names}
    noise = np.concatenate([np.ravel(sent.groups["weights"][name] - clipped[name]) for name in names]).astype(float)
    assert is_noise(noise, mechanism.noise_multiplier * bound)


@pytest.mark.parametrize("kind", [kind for kind, cls in mechanisms.members().items() if cls.noises_sum])
def test_a_released_mean_has_the_noise_that_is_stated(kind) -> None:
    mechanism = mechanisms[kind]()
    book, summed = mechanism.begin(), np.linspace(-1.0, 1.0, 20_000)
    noise = COHORT * mechanism.release(summed, book, COHORT, stream(4, "noise")) - summed
    assert is_noise(noise, mechanism.noise_multiplier * mechanism.metrics(book)["clip_norm"], at_least=True)


def is_noise(values: np.ndarray, std: float, *, at_least: bool = False) -> bool:
    """Whether values are Gaussian of that standard deviation (chi-square), or of a little more."""
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], len(values))
    ratio = float(np.square(values / std).sum())
    return bool(low < ratio < (1.1 * high if at_least else high))


def test_a_bound_stays_a_bound(clipping) -> None:
    norm = clipping.first_norm()
    for number in range(30):
        assert 0.0 < norm < math.inf
        norms = stream(5, "norms", number).lognormal(0.0, 1.0, COHORT)
        norm = clipping.next_norm(norm, norms, COHORT, stream(6, "next", number))
    assert clipping.next_norm(norm, np.zeros(0), COHORT, stream(7, "next")) > 0.0  # nobody came
    assert clipping.next_norm(norm, np.array([math.inf]), COHORT, stream(7, "next")) > 0.0  # an update that diverged


def test_a_clipping_never_takes_noise_away(clipping) -> None:
    assert clipping.check(1.0, COHORT) == []
    assert 1.0 <= clipping.noise_on_sum(1.0, COHORT) < 2.0
