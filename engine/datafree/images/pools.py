"""Images as bytes to draw batches from: the synthesized ones, random pixels, and those of another set."""

from typing import TYPE_CHECKING

import numpy as np

from engine.core.streams import stream
from engine.data.dataset import Dataset
from engine.datafree.pieces import BANK
from engine.task.contract import State

if TYPE_CHECKING:
    from engine.datafree.world import World

AT_ONCE = 1000
"""Images that are drawn or fitted at once."""

_BANK, _NOISE, _OTHER = "bank", "noise pool", "other pool"
_READ_BY = {"student": _BANK, "noise": _NOISE, "out_of_domain": _OTHER}


def forget_pool(world: "World", contender: str) -> None:
    """Free the images of a contender that has learned; whoever asks for them again makes them anew."""
    world.memory.pop(_READ_BY.get(contender, ""), None)


def some_of_bank(state: State, num_batches: int, most: int) -> np.ndarray:
    """So many of the synthesized images at most, spread over all of them, (N, C, H, W) uint8; no copy of the others is
    made.
    """
    pieces = [state.clients[BANK + number]["images"] for number in range(num_batches)]
    ends = np.cumsum([len(piece) for piece in pieces])
    total = int(ends[-1])
    count = min(total, most)
    rows = np.arange(count) * total // count
    batches = np.searchsorted(ends, rows, side="right")
    return np.stack([pieces[batch][row - ends[batch]] for batch, row in zip(batches, rows, strict=True)])


def bank_of(world: "World", state: State, num_batches: int) -> tuple[np.ndarray, np.ndarray]:
    """The first batches of synthesized images.

    Returns:
        (N, C, H, W) uint8, and (N,) int64: what each was made to show.
    """
    key = BANK + num_batches - 1
    pieces = [state.clients[number] for number in range(BANK, key + 1)]
    kept = world.memory.get(_BANK)
    if kept is None or len(kept[0]) != num_batches or kept[0][-1] is not pieces[-1]:
        images, labels = (np.concatenate([piece[name] for piece in pieces]) for name in ("images", "labels"))
        kept = world.memory[_BANK] = pieces, images, labels
    return kept[1], kept[2]


def noise_pool(world: "World") -> np.ndarray:
    """As many images of random pixels as are synthesized, (N, C, H, W) uint8: normal in standardized space, cut."""
    if _NOISE not in world.memory:
        shape, seed = world.task.dataset.sample().shape, world.context.seed
        parts = [
            world.pixels.shown(stream(seed, "noise", first).standard_normal((AT_ONCE, *shape), dtype=np.float32))
            for first in range(0, world.task.num_images, AT_ONCE)
        ]
        world.memory[_NOISE] = np.concatenate(parts)[: world.task.num_images]
    pool: np.ndarray = world.memory[_NOISE]
    return pool


def other_pool(world: "World") -> np.ndarray:
    """As many images of another set as are synthesized, all if it has fewer, (N, C, H, W) uint8."""
    dataset = world.task.baselines.out_of_domain
    assert dataset is not None, "this baseline has its set"
    if _OTHER not in world.memory:
        world.memory[_OTHER] = _fitted(world, dataset)
    pool: np.ndarray = world.memory[_OTHER]
    return pool


def _fitted(world: "World", dataset: Dataset) -> np.ndarray:
    """Some images of another set, as bytes, in the size and channels of the private ones."""
    from engine.datafree.images.foreign import fitted_to

    pixels, shape = dataset.pixels(), world.task.dataset.sample().shape
    assert pixels is not None, "the check admits images only"
    x, draw = world.pool(dataset), stream(world.context.seed, "other images")
    rows = np.sort(draw.permutation(len(x))[: world.task.num_images])
    parts = (pixels.shown(x[rows[first : first + AT_ONCE]]) for first in range(0, len(rows), AT_ONCE))
    return np.concatenate([world.pixels.shown(fitted_to(part, shape, world.pixels).numpy()) for part in parts])
