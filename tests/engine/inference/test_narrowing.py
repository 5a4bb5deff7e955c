"""Messages of fewer bits: bytes by hand, errors within half a step."""

import pytest
import torch

from engine.core.sample import SampleSpec
from engine.inference.execution import execute, rounded
from engine.inference.narrowing import Bits, narrowed
from engine.inference.splitter import splitters
from engine.models.build import build
from engine.models.model import models
from engine.models.weights import initial

PICTURE = SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)


@pytest.mark.parametrize("bits", [8, 4])
def test_no_value_is_off_by_more_than_half_a_step(bits: int) -> None:
    x = (
        torch.randn((3, 4, 5, 5), generator=torch.Generator().manual_seed(0))
        * torch.tensor([1.0, 10.0, 0.0])[:, None, None, None]
    )
    error = (rounded(x, bits) - x).abs().flatten(1).amax(dim=1)
    step = (x.flatten(1).amax(dim=1) - x.flatten(1).amin(dim=1)) / (2**bits - 1)
    assert bool((error <= 0.501 * step).all())
    assert len(torch.unique(rounded(x, bits)[0])) <= 2**bits


@pytest.mark.parametrize(("bits", "most"), [(8, 0.02), (4, 0.3)])
def test_bytes_work_and_output(bits: Bits, most: float) -> None:
    """LeNet-5: the first pool gives 6 x 14 x 14 values; input and answer stay floats."""
    graph = models["lenet5"]().declare(PICTURE)
    whole = splitters["pipeline"]().split(graph)
    pieces = narrowed(whole, bits)
    assert narrowed(whole, 32) is whole
    assert not pieces.exact
    first, *inner, last = zip(whole.messages, pieces.messages, strict=True)
    assert first[0] == first[1]
    assert last[0] == last[1]
    for before, after in inner:
        assert after.num_bytes == before.num_bytes * bits // 32 + 8
    assert 6 * 14 * 14 * bits // 8 + 8 in {message.num_bytes for message in pieces.messages}
    sent = sum(before.num_bytes // 4 for before, _ in inner)
    other = [sum(piece.work.macs["other"] for piece in some.pieces) for some in (whole, pieces)]
    assert other[1] == other[0] + 2 * sent
    module = build(graph)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in initial(graph, 0).items()})
    module.eval()
    x = torch.randn((4, 1, 28, 28), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = module(x)
    error = (execute(module, pieces, x) - logits).abs().max() / logits.abs().max()
    assert 0 < float(error) < most
