"""What goes through the files comes back as it was, bit for bit."""

from pathlib import Path

import numpy as np
import pytest

from engine.runs.exchange import Exchange
from engine.task.contract import Block, BlockResult, Tensors

WEIGHTS = {"down/weights/w": np.array([[1.5, -0.0], [np.nan, np.inf]], dtype=np.float32), "down/count": np.array(7)}


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    """An open one."""
    exchange = Exchange(tmp_path / "blocks")
    exchange.open()
    return exchange


def bits(tensors: Tensors) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Names, types, shapes and bytes."""
    return {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in tensors.items()}


def test_blocks_and_results_come_back_as_they_were(exchange: Exchange) -> None:
    state = {"control/w": np.arange(6.0).reshape(2, 3).T, "empty": np.zeros((0, 3), dtype=np.int64)}
    block = Block(
        ("train", 3, 1), (4, 9), WEIGHTS, {"round": 3, "lr": 0.1 + 0.2, "plan": {"path": "x"}}, {9: state}, 5e9
    )
    files = exchange.put_blocks("1", [block])
    found = exchange.block(files[block.name])

    assert (found.name, found.clients, found.values, found.macs) == (block.name, block.clients, block.values, 5e9)
    assert bits(found.inputs) == bits(WEIGHTS)
    assert found.client_states.keys() == {9}
    assert bits(found.client_states[9]) == bits(state)

    result = BlockResult(WEIGHTS, {"weight": 1 / 3, "loss": float("inf")}, {4: state, 9: WEIGHTS})
    exchange.put_result("r", result)
    back = exchange.result("r")
    assert back.values == result.values
    assert bits(back.tensors) == bits(WEIGHTS)
    assert {client: bits(tensors) for client, tensors in back.clients.items()} == {4: bits(state), 9: bits(WEIGHTS)}


def test_what_blocks_read_alike_is_written_once(exchange: Exchange) -> None:
    other = {name: array.copy() for name, array in WEIGHTS.items()}
    blocks = [Block(("b", place), (place,), inputs) for place, inputs in enumerate((WEIGHTS, dict(WEIGHTS), other))]
    files = exchange.put_blocks("1", blocks)

    assert len(list(exchange.folder.iterdir())) == 3 + 2
    assert all(bits(exchange.block(files[block.name]).inputs) == bits(WEIGHTS) for block in blocks)


def test_a_folder_that_is_gone_is_told_and_not_made_again(exchange: Exchange) -> None:
    exchange.close()
    with pytest.raises(FileNotFoundError):
        exchange.put_result("r", BlockResult())
    with pytest.raises(FileNotFoundError):
        exchange.result("r")
    assert not exchange.folder.exists()
