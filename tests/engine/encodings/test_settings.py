"""The way of a message: error feedback, the last stage, what is refused."""

import numpy as np
import pytest

from engine.core.streams import stream
from engine.encodings.entropy import squeezed, unsqueezed
from engine.encodings.members.none import Uncoded
from engine.encodings.members.qsgd import Qsgd
from engine.encodings.members.random_k import RandomK
from engine.encodings.members.sketch import Sketch
from engine.encodings.members.stochastic_int8 import StochasticInt8
from engine.encodings.members.top_k import TopK
from engine.encodings.settings import EncodingSettings


def normal(count: int = 20_000) -> dict[str, np.ndarray]:
    return {"w": stream(1).standard_normal(count).astype(np.float32), "n": np.array(5)}


def test_plain_settings_change_nothing() -> None:
    settings = EncodingSettings()
    delivery = settings.send_up(normal(), stream(2), {})
    assert np.array_equal(delivery.tensors["w"], normal()["w"])
    assert delivery.num_bytes == settings.expected_up(normal()) == 4 * 20_000 + 8
    assert settings.is_plain
    assert not delivery.memory
    assert not settings.keeps_memory


def test_both_directions_are_encoded_apart() -> None:
    settings = EncodingSettings(up=TopK(fraction=0.1), down=StochasticInt8())
    up, down = settings.send_up(normal(), stream(2), {}), settings.send_down(normal(), stream(3))
    assert np.count_nonzero(up.tensors["w"]) == 2000
    assert np.count_nonzero(down.tensors["w"]) > 19_000
    assert down.num_bytes == settings.expected_down(normal()) == 1 + 8 + 20_000 + 4 * 20
    assert not settings.plain_up
    assert not settings.plain_down


def test_the_last_stage_takes_out_what_bytes_repeat() -> None:
    """Rounded normal numbers have less than eight bits each: entropy about 5.5 for a range of four widths."""
    plain, short = EncodingSettings(up=StochasticInt8()), EncodingSettings(up=StochasticInt8(), entropy="zstd")
    first, second = (settings.send_up(normal(), stream(2), {}) for settings in (plain, short))
    assert np.array_equal(first.tensors["w"], second.tensors["w"])
    assert 0.75 * first.num_bytes < second.num_bytes < 0.95 * first.num_bytes
    assert second.num_bytes <= short.expected_up(normal())


def test_the_last_stage_costs_one_byte_where_it_gains_nothing() -> None:
    noise = stream(3).bytes(1000)
    assert squeezed(noise, "zstd") == b"\x00" + noise
    assert unsqueezed(squeezed(bytes(1000), "zstd"), "zstd") == bytes(1000)
    assert len(squeezed(bytes(1000), "zstd")) < 50
    with pytest.raises(ValueError, match="begins with 0 or 1"):
        unsqueezed(b"\x09", "zstd")


def test_memory_lasts_only_where_something_is_kept() -> None:
    assert not EncodingSettings(up=TopK()).send_up(normal(), stream(1), {}).memory
    assert not EncodingSettings(up=Uncoded(), error_feedback=True).send_up(normal(), stream(1), {}).memory
    kept = EncodingSettings(up=TopK(), error_feedback=True).send_up(normal(), stream(1), {}).memory
    assert set(kept) == {"residual/w"}


def test_a_whole_model_is_not_sent_as_signs() -> None:
    (problem,) = EncodingSettings(down=TopK()).check()
    assert problem.path == "down"
    assert "top_k" in problem.message
    assert "stochastic_int8" in problem.message
    assert not EncodingSettings(down=Qsgd(), up=TopK(), error_feedback=True).check()


@pytest.mark.parametrize("up", [Sketch(), RandomK(), Qsgd(levels=7)])
def test_what_would_grow_is_not_fed_back(up: Sketch | RandomK | Qsgd) -> None:
    (problem,) = EncodingSettings(up=up, error_feedback=True).check()
    assert problem.path == "error_feedback"
    assert up.kind in problem.message
    assert not EncodingSettings(up=up).check()


def test_the_rest_of_a_scalar_survives_stores_that_know_no_scalars() -> None:
    settings = EncodingSettings(up=TopK(fraction=0.1), error_feedback=True)
    values = {"w": np.ones(100, dtype=np.float32), "one": np.array(0.5, dtype=np.float32)}
    memory = settings.send_up(values, stream(1), {}).memory
    stored = {name: np.atleast_1d(array) for name, array in memory.items()}
    assert settings.send_up(values, stream(2), stored).tensors["one"].shape == ()
