"""What every encoding must keep, found through the registry."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from engine.core.streams import stream
from engine.encodings.encoding import Encoded, Encoding, Tensors, coded_of, encodings, joined, num_bytes
from engine.encodings.settings import EncodingSettings
from tests.engine.federated import worlds

MEMBERS = list(encodings.members().items())
every_member = pytest.mark.parametrize("member", [cls for _, cls in MEMBERS], ids=[kind for kind, _ in MEMBERS])

SHAPES: dict[str, tuple[int, ...]] = {
    "conv": (8, 3, 5, 5),
    "empty": (0, 4),
    "fc": (120, 100),
    "bias": (100,),
    "one": (),
}


def tensors(seed: int = 1, scale: float = 1.0) -> dict[str, np.ndarray]:
    """Normally distributed arrays of many shapes and a counter."""
    draw = stream(seed, "values")
    found = {name: (scale * draw.standard_normal(shape)).astype(np.float32) for name, shape in SHAPES.items()}
    statistics = {"norm.running_var": np.abs(found["bias"])}
    return {**found, **statistics, "counter": np.array(7, dtype=np.int64)}


def sent(encoding: Encoding, values: Tensors, seed: int = 3) -> tuple[Encoded, dict[str, np.ndarray]]:
    encoded = encoding.encode(values, stream(seed, "encoding"), {})
    like = {name: np.broadcast_to(array.dtype.type(0), array.shape) for name, array in values.items()}
    return encoded, encoding.decode(encoded.payload, like)


def vector(values: Tensors) -> np.ndarray:
    return joined(coded_of(values)).astype(np.float64)


def squared(values: np.ndarray) -> float:
    return float(values @ values)


@every_member
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_names_shapes_and_types_are_kept(member: type[Encoding], dtype: type[np.floating]) -> None:
    values = {n: a.astype(dtype) if a.dtype == np.float32 else a for n, a in tensors().items()}
    _, arrived = sent(member(), values)
    assert {name: (array.shape, array.dtype) for name, array in arrived.items()} == {
        name: (array.shape, array.dtype) for name, array in values.items()
    }
    assert list(arrived) == list(values)
    assert arrived["counter"] == 7
    assert np.array_equal(arrived["norm.running_var"], values["norm.running_var"])


@every_member
def test_no_more_is_lost_than_stated(member: type[Encoding]) -> None:
    encoding, values = member(), tensors()
    for scale in (1.0, 1e-20):
        scaled = {n: a * np.float32(scale) if a.dtype == np.float32 else a for n, a in values.items()}
        exact = vector(scaled)
        lost = [squared(vector(sent(encoding, scaled, seed)[1]) - exact) for seed in range(20)]
        assert np.mean(lost) <= (encoding.distortion(values) * 1.05 + 1e-12) * squared(exact)


@every_member
def test_hard_vectors_keep_the_bound(member: type[Encoding]) -> None:
    """All equal, one alone, alternating signs, nothing at all."""
    alone = np.zeros(2048, dtype=np.float32)
    alone[1000] = -3.0
    equal = np.full(2048, 0.1, dtype=np.float32)
    signs = np.where(np.arange(2048) % 2, 1, -1).astype(np.float32)
    encoding = member()
    for array in (alone, equal, signs, np.zeros(2048, dtype=np.float32)):
        values = {"w": array.reshape(64, 32)}
        lost = [squared(vector(sent(encoding, values, seed)[1]) - vector(values)) for seed in range(20)]
        bound = encoding.distortion(values) * squared(vector(values))
        assert np.mean(lost) <= bound * 1.2 + 1e-12, array[:3]


@every_member
def test_messages_are_as_long_as_expected(member: type[Encoding]) -> None:
    encoding, values = member(), tensors()
    expected = encoding.expected_bytes(values)
    like = {name: np.broadcast_to(array.dtype.type(0), array.shape) for name, array in values.items()}
    assert encoding.expected_bytes(like) == expected
    for seed in range(3):
        length = len(sent(encoding, tensors(seed), seed)[0].payload)
        assert abs(length - expected) <= encoding.size_tolerance * expected
        assert length <= num_bytes(values) + 1


@every_member
def test_the_mean_over_draws_is_what_was_sent_where_stated(member: type[Encoding]) -> None:
    """Each of 40 random directions is met within 5 standard errors."""
    encoding = member()
    if not encoding.is_unbiased:
        pytest.skip("biased")
    values = {"w": stream(5, "w").standard_normal((40, 30)).astype(np.float32)}
    directions = stream(5, "directions").standard_normal((40, 1200))
    seen = np.stack([directions @ vector(sent(encoding, values, seed)[1]) for seed in range(400)])
    error = np.abs(seen.mean(axis=0) - directions @ vector(values))
    assert (error <= 5 * seen.std(axis=0) / np.sqrt(len(seen)) + 1e-5).all()


@every_member
def test_same_stream_same_bytes(member: type[Encoding]) -> None:
    first, second = (sent(member(), tensors(), 4)[0] for _ in range(2))
    assert first.payload == second.payload
    assert set(first.memory) == set(second.memory)


@every_member
def test_nothing_but_the_bytes_is_read(member: type[Encoding]) -> None:
    """A copy of the payload, an encoding made anew and arrays of other values give the same."""
    payload = sent(member(), tensors())[0].payload
    again = member.model_validate(member().model_dump()).decode(bytes(bytearray(payload)), tensors(99))
    for name, array in sent(member(), tensors())[1].items():
        assert np.array_equal(array, again[name])


@every_member
def test_what_a_diverged_client_sends_travels_as_it_is(member: type[Encoding]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for bad in (np.nan, np.inf, -np.inf, 3e38):
            values = tensors()
            values["fc"][3, 4] = bad
            encoded, arrived = sent(member(), values)
            assert len(encoded.payload) <= num_bytes(values) + 1
            for name, array in values.items():
                assert np.array_equal(array, arrived[name], equal_nan=array.dtype != np.int64)


@every_member
def test_an_empty_message_stays_empty(member: type[Encoding]) -> None:
    for values in ({}, {"counter": np.array(3)}, {"empty": np.zeros((0, 3), dtype=np.float32)}):
        arrived = sent(member(), values)[1]
        assert {name: array.tolist() for name, array in arrived.items()} == {n: a.tolist() for n, a in values.items()}


@pytest.mark.slow
@every_member
def test_error_feedback_loses_nothing_in_the_sum(member: type[Encoding]) -> None:
    """What arrives and what is kept is what was sent and what was kept; so sums over rounds differ by the last rest."""
    encoding = member(scaled=False) if "scaled" in member.model_fields else member()
    if not encoding.suits_feedback:
        pytest.skip("does not suit error feedback")
    settings = EncodingSettings(up=encoding, error_feedback=True)
    memory: dict[str, np.ndarray] = {}
    steady = vector(tensors())
    total, arrived, kept = (np.zeros(len(steady)) for _ in range(3))
    for number in range(300):
        delivery = settings.send_up(tensors(), stream(6, number), memory)
        memory = delivery.memory
        rest = vector({name: memory.get(f"residual/{name}", np.zeros(shape)) for name, shape in SHAPES.items()})
        assert np.abs(vector(delivery.tensors) + rest - (steady + kept)).max() <= 1e-5 * (1 + np.abs(kept).max())
        total, arrived, kept = total + steady, arrived + vector(delivery.tensors), rest
    assert np.abs(total - arrived - kept).max() < 1e-2
    assert squared(kept) < 0.5**2 * squared(total)


@pytest.mark.slow
@every_member
def test_resumed_equals_uninterrupted(member: type[Encoding], tmp_path: Path) -> None:
    """Up, and down where it suits; after every step the state goes through its stored form into a new process."""
    up = {**member().model_dump(), **({"scaled": False} if "scaled" in member.model_fields else {})}
    feeds_back = member.model_validate(up).suits_feedback
    encoding = {"up": up, "error_feedback": feeds_back, **({"down": up} if member().suits_weights else {})}
    few = {"sampler": {"kind": "uniform", "num_clients": 4}, "model": {"kind": "mlp", "hidden": [8]}}
    task = worlds.task(encoding=encoding, **few)
    _, events = worlds.assert_resumes_alike(task, lambda: worlds.context(tmp_path, devices=5))
    values = [event.body["values"] for event in events if event.kind == "metrics"][-1]
    assert ("compression_up" in values) == (not member().is_lossless)


@every_member
def test_a_million_numbers_take_little_time(member: type[Encoding]) -> None:
    import time

    values = {"w": stream(1, "w").standard_normal((1000, 1000), dtype=np.float32)}
    start = time.process_time()
    sent(member(), values)
    assert time.process_time() - start < 6  # of a processor; measured under one, with room for a busy machine
