"""Memory of a stack while it trains."""

import torch

from engine.training.stack import _Buffers


def test_however_many_clients_still_train_they_share_one_memory() -> None:
    slopes, columns = torch.zeros(5, 2, 3), [torch.empty(30) for _ in range(2)]
    places = set()
    for active in range(5, 0, -1):
        buffers = _Buffers([], [], slopes, columns, active)
        assert buffers.logits.shape == buffers.softmax.shape == (active, 2, 3)
        assert buffers.columns.is_contiguous()
        buffers.logits.copy_(torch.arange(active * 6.0).view(active, 2, 3))
        assert buffers.columns[1].tolist() == [6.0 * client + 3 * row + 1 for client in range(active) for row in (0, 1)]
        places.add((buffers.columns.data_ptr(), buffers.shares.data_ptr()))
    assert len(places) == 1
